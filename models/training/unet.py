"""Trains the denoiser, OUT/unet.pt; the text encoder as well with --text-factor above zero.

v-prediction on a schedule whose last step is pure noise (Lin et al. 2023); the weight of a time is bounded by its
signal-to-noise ratio, as in min-SNR (Hang et al. 2023).
"""
import argparse
import json
import pathlib

import numpy as np
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTokenizer

from captions import caption, concepts
from common import BACKGROUNDS, Average, Stopwatch, decay, optimizer, save, set_rates
from text import WIDTH, create as create_text, tokens

SCHEDULE = dict(num_train_timesteps=1000, beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012,
                prediction_type="v_prediction", rescale_betas_zero_snr=True, timestep_spacing="trailing",
                clip_sample=False, set_alpha_to_one=True, steps_offset=1)
UNCONDITIONAL = 0.12  #: share of empty captions, for classifier-free guidance
WHITE = 0.65  #: share of pictures on white


def create() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=16, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=(96, 192, 256),
        down_block_types=("DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
        attention_head_dim=4, cross_attention_dim=WIDTH)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder with tokenizer/, latents.npy, text.pt")
    parser.add_argument("--minutes", type=float, default=75)
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--matrix-rate", type=float, default=0.02)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--text-factor", type=float, default=0.0, help="the text encoder's rates, relative; 0 freezes it")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    generator = np.random.default_rng(options.seed)
    names, backgrounds = concepts(), list(BACKGROUNDS)
    rows = [json.loads(line) for line in open(options.out / "latents.jsonl")]
    chosen = np.array([index for index, row in enumerate(rows) if row["name"] in names])
    latents = np.load(options.out / "latents.npy", mmap_mode="r")[chosen]
    rows = [rows[index] for index in chosen]
    scale = 1 / float(latents.astype(np.float32).std())

    tokenizer = CLIPTokenizer.from_pretrained(options.out / "tokenizer")
    unet, text = create().to(memory_format=torch.channels_last), create_text(tokenizer)
    text.load_state_dict(torch.load(options.out / "text.pt")["model"])
    text.requires_grad_(options.text_factor > 0)
    both = torch.nn.ModuleList([unet, text])
    embeddings = tuple(name for name, _ in both.named_parameters() if "embedding" in name)
    muon = optimizer(both, options.matrix_rate, options.rate, (*embeddings, "0.conv_in.", "0.conv_out."))
    inside = {id(parameter) for parameter in text.parameters()}
    muon_groups = []
    for group in muon.param_groups:  # the text encoder goes slower: it has been trained already
        for mine, factor in ((False, 1.0), (True, options.text_factor)):
            chosen_parameters = [p for p in group["params"] if (id(p) in inside) == mine]
            if chosen_parameters:
                muon_groups.append({**group, "params": chosen_parameters, "base": group["base"] * factor})
    muon = type(muon)(muon_groups)
    average = Average(both, 0.998)
    used, step = 0.0, 0
    if options.resume:
        state = torch.load(options.out / "unet.pt")
        both.load_state_dict(state["model"])
        muon.load_state_dict(state["optimizer"])
        average.values, average.steps = state["average_values"], state["step"]
        used, step = state["seconds"], state["step"]
        generator = np.random.default_rng(options.seed + step)
    print(f"{len(rows)} pictures of {len(names)} concepts; UNet "
          f"{sum(p.numel() for p in unet.parameters()) / 1e6:.1f} M, text {sum(p.numel() for p in text.parameters()) / 1e6:.1f} M",
          flush=True)

    cumulative = DDIMScheduler(**SCHEDULE).alphas_cumprod
    clock, shown = Stopwatch(options.minutes, used), 0.0

    def checkpoint() -> None:
        current = {key: value.clone() for key, value in both.state_dict().items()}
        average.copy_to(both)
        averaged = (unet.state_dict(), text.state_dict())
        save(options.out / "unet.pt", model=current, unet=averaged[0], text=averaged[1], scale=scale,
             average_values=average.values, optimizer=muon.state_dict(), step=step, seconds=clock.seconds)
        both.load_state_dict(current)

    next_checkpoint = clock.seconds + 300
    order = np.empty(0, dtype=int)
    while clock.fraction < 1:
        while len(order) < options.batch:  # every picture equally often
            order = np.concatenate([order, generator.permutation(len(rows))])
        picks, order = order[:options.batch], order[options.batch:]
        background = np.where(generator.random(options.batch) < WHITE, 0,
                              generator.integers(1, len(backgrounds), size=options.batch))
        texts = ["" if generator.random() < UNCONDITIONAL else
                 caption(rows[pick], names[rows[pick]["name"]], backgrounds[b], generator)
                 for pick, b in zip(picks, background)]
        clean = torch.from_numpy(latents[picks, background].astype(np.float32)) * scale
        noise = torch.randn_like(clean)
        # Stratified over the batch: one time in each 1/N of the schedule.
        times = ((torch.arange(options.batch) + torch.rand(options.batch)) / options.batch * 1000).long()
        times = times[torch.randperm(options.batch)]
        alpha = cumulative[times][:, None, None, None]
        noisy = alpha.sqrt() * clean + (1 - alpha).sqrt() * noise
        target = alpha.sqrt() * noise - (1 - alpha).sqrt() * clean
        with torch.autocast("cpu", torch.bfloat16):
            states = text(tokens(tokenizer, texts, full=True)).last_hidden_state
            output = unet(noisy.contiguous(memory_format=torch.channels_last), times, states).sample
        error = (output.float() - target).square().mean(dim=(1, 2, 3))
        ratio = (alpha / (1 - alpha)).flatten()
        loss = (error * (5 / ratio).clamp(max=1)).mean()  # nearly clean pictures count less
        loss.backward()
        torch.nn.utils.clip_grad_norm_(both.parameters(), 1.0)
        set_rates(muon, decay(clock.fraction))
        muon.step()
        muon.zero_grad(set_to_none=True)
        average.update(both)
        plain = error.mean().item()
        shown = plain if not shown else 0.98 * shown + 0.02 * plain
        step += 1
        if step % 25 == 0:
            print(f"{clock.seconds / 60:.1f} min, {step} steps, {step * options.batch} samples, v error {shown:.4f}",
                  flush=True)
        if clock.seconds > next_checkpoint:
            checkpoint()
            next_checkpoint = clock.seconds + 300
    checkpoint()


if __name__ == "__main__":
    main()

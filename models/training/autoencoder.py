"""Trains the autoencoder: OUT/autoencoder.pt.

With --decoder-only, goes on with the decoder alone (OUT/decoder.pt): the latents stay, so the denoiser may train at
the same time. Three pictures of four are then of the concepts that version one draws.
"""
import argparse
import pathlib

import numpy as np
import torch
from diffusers import AutoencoderTiny

from captions import concepts
from common import (BACKGROUNDS, Average, Stopwatch, composite, decay, open_pictures, optimizer, save, set_rates)

WIDTH = 32
NOISE = 0.1  #: standard deviation of the noise on the latents: keeps them smooth and the decoder forgiving


def create() -> AutoencoderTiny:
    return AutoencoderTiny(encoder_block_out_channels=(WIDTH,) * 4, decoder_block_out_channels=(WIDTH,) * 4,
                           num_encoder_blocks=(0, 1, 2, 3), num_decoder_blocks=(3, 2, 1, 1), latent_channels=4)


def colours(generator: np.random.Generator, count: int) -> np.ndarray:
    """Mostly the named backgrounds, a quarter of them any colour."""
    named = np.array(list(BACKGROUNDS.values()), dtype=np.float32)[generator.integers(len(BACKGROUNDS), size=count)]
    other = generator.uniform(0, 255, (count, 3)).astype(np.float32)
    kind = generator.random((count, 1))
    return np.where(kind < 0.4, np.float32(255), np.where(kind < 0.75, named, other))


def loss_of(target: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
    """L1 at three scales, and L1 of the differences of neighbours, for crisp outlines."""
    target, output = target.contiguous(), output.float().contiguous()
    loss = (target - output).abs().mean() + 2 * (target - output).square().mean()
    for axis in (2, 3):
        loss = loss + 0.5 * (target.diff(dim=axis) - output.diff(dim=axis)).abs().mean()
    for _ in range(2):
        target, output = (torch.nn.functional.avg_pool2d(x, 2) for x in (target, output))
        loss = loss + 0.5 * (target - output).abs().mean()
    return loss


@torch.no_grad()
def psnr(model: AutoencoderTiny, pictures: np.ndarray, ids: np.ndarray) -> float:
    """Mean PSNR in decibels over held-out pictures, half on white and half on blue, in float32."""
    total = 0.0
    for start in range(0, len(ids), 16):
        batch = ids[start:start + 16]
        colour = np.array([BACKGROUNDS["white" if i % 2 else "blue"] for i in range(len(batch))], dtype=np.float32)
        target = composite(pictures[batch], colour)
        output = model.decoder(model.encoder(target)).clamp(-1, 1)
        total += (-10 * ((target - output) / 2).square().mean(dim=(1, 2, 3)).log10()).sum().item()
    return total / len(ids)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="what prepare.py wrote")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--matrix-rate", type=float, default=0.02)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--decoder-only", action="store_true")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    generator = np.random.default_rng(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    pictures, rows = open_pictures(options.data)
    held_out = np.arange(len(rows)) % 50 == 7
    ids, test = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    names = concepts()
    drawn = np.array([index for index in ids if rows[index]["name"] in names])

    model = create().to(memory_format=torch.channels_last)
    path = options.out / ("decoder.pt" if options.decoder_only else "autoencoder.pt")
    used, step = 0.0, 0
    state = torch.load(path) if options.resume else None
    if options.decoder_only and not state:
        model.load_state_dict(torch.load(options.out / "autoencoder.pt")["average"])
    if state:
        model.load_state_dict(state["model"])
        used, step = state["seconds"], state["step"]
    model.encoder.requires_grad_(not options.decoder_only)
    outside = ("encoder.layers.0.", "decoder.layers.0.") + tuple(
        f"{part}.layers.{len(getattr(model, part).layers) - 1}." for part in ("encoder", "decoder"))
    muon = optimizer(model, options.matrix_rate, options.rate, outside)
    average = Average(model)
    if state:
        muon.load_state_dict(state["optimizer"])
        average.values, average.steps = state["average_values"], step
    clock = Stopwatch(options.minutes, used)
    shown = 0.0

    def checkpoint() -> None:
        current = {key: value.clone() for key, value in model.state_dict().items()}
        average.copy_to(model)
        averaged = {key: value.clone() for key, value in model.state_dict().items()}
        quality = psnr(model, pictures, test)
        model.load_state_dict(current)
        save(path, model=current, average=averaged, average_values=average.values, optimizer=muon.state_dict(),
             step=step, seconds=clock.seconds)
        print(f"{clock.seconds / 60:.1f} min, {step} steps, {step * options.batch} samples, "
              f"loss {shown:.4f}, psnr {quality:.2f} dB", flush=True)

    next_checkpoint = clock.seconds + 60
    while clock.fraction < 1:
        source = drawn if options.decoder_only and generator.random() < 0.75 else ids
        batch = np.sort(generator.choice(source, options.batch, replace=False))
        target = composite(pictures[batch], colours(generator, options.batch))
        with torch.autocast("cpu", torch.bfloat16):
            with torch.set_grad_enabled(not options.decoder_only):
                latents = model.encoder(target).float()
            output = model.decoder(latents + NOISE * torch.randn_like(latents))
        loss = loss_of(target, output)
        shown = loss.item() if not shown else 0.98 * shown + 0.02 * loss.item()
        if not options.decoder_only:
            mean, variance = latents.mean(dim=(0, 2, 3)), latents.var(dim=(0, 2, 3))
            loss = loss + 0.02 * (mean.square() + variance.log().square()).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        set_rates(muon, decay(clock.fraction))
        muon.step()
        muon.zero_grad(set_to_none=True)
        average.update(model)
        step += 1
        if clock.seconds > next_checkpoint:
            checkpoint()
            next_checkpoint += 60
    checkpoint()


if __name__ == "__main__":
    main()

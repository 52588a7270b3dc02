"""Trains the base denoiser, OUT/unet.pt, and the text encoder with it.

v-prediction on a schedule whose last step is pure noise (Lin et al. 2023); the weight of a time is bounded by its
signal-to-noise ratio, as in min-SNR (Hang et al. 2023). With --start, goes on with the denoiser of a diffusers folder, and with its text
encoder where there is no OUT/text.pt.

Each scene is read in two phrasings: the picture is learned from one, and the last states of the other are to be the same.
"""
import json
import pathlib

import numpy as np
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from common import DEVICE, Run, arguments, autocast, averaged, optimizer
from text import WIDTH, create as create_text, difference, tokens

SCHEDULE = dict(num_train_timesteps=1000, beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012,
                prediction_type="v_prediction", rescale_betas_zero_snr=True, timestep_spacing="trailing",
                clip_sample=False, set_alpha_to_one=True, steps_offset=1)
UNCONDITIONAL = 0.12  #: share of empty captions, for classifier-free guidance
ORDERED = 0.3  #: share of captions in the trained order; the others are as people write
#: How often each layout is seen; within one, every scene equally often.
SHARES = {"full": 0.4, "placed": 0.06, "beside": 0.28, "above": 0.2, "count": 0.06}
#: The family's channels a level.
MEMBERS = {"base": (96, 192, 256), "small": (64, 128, 192), "tiny": (32, 64, 96)}


def create(member: str = "base") -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=16, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=MEMBERS[member],
        down_block_types=("DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
        attention_head_dim=4, cross_attention_dim=WIDTH)


class Scenes:
    """What `scenes.py` wrote, scaled to deviation one."""

    def __init__(self, folder: pathlib.Path, scale: float):
        self.latents, self.scale = np.load(folder / "scenes.npy", mmap_mode="r"), scale
        self.rows = [json.loads(line) for line in open(folder / "scenes.jsonl")]
        layouts = [row["layout"] if row["layout"] in SHARES else "placed" for row in self.rows]
        self.members = {name: np.flatnonzero([layout == name for layout in layouts]) for name in SHARES}
        white = np.array([row["background"] == "white" for row in self.rows])
        full = self.members["full"]  # half of the single drawings on white, as most prompts have them
        self.weights = {"full": np.where(white[full], 0.5 / white[full].sum(), 0.5 / (~white[full]).sum())}

    def draw(self, count: int, generator: np.random.Generator) -> tuple[torch.Tensor, list[str]]:
        """Latents `[N, 4, H, W]` and their captions."""
        latents, texts, _ = self.pairs(count, generator)
        return latents, texts

    def pairs(self, count: int, generator: np.random.Generator) -> tuple[torch.Tensor, list[str], list[str]]:
        """Latents `[N, 4, H, W]` and two captions of each."""
        layouts = generator.choice(list(SHARES), count, p=list(SHARES.values()))
        picks = [generator.choice(self.members[name], p=self.weights.get(name)) for name in layouts]
        texts, others = zip(*(self.phrasings(self.rows[pick]["captions"], generator) for pick in picks))
        return torch.from_numpy(self.latents[picks].astype(np.float32)).to(DEVICE) * self.scale, list(texts), list(others)

    @staticmethod
    def phrasings(captions: list[str], generator: np.random.Generator) -> tuple[str, str]:
        """The trained order by its share, or another; and one that is not the same."""
        first = 0 if generator.random() < ORDERED else int(generator.integers(1, len(captions)))
        other = int(generator.integers(len(captions) - 1))
        return captions[first], captions[other + (other >= first)]


def spread_times(count: int) -> torch.Tensor:
    """Times `[N]`, one in each 1/N of the schedule, in any order."""
    times = ((torch.arange(count) + torch.rand(count)) / count * SCHEDULE["num_train_timesteps"]).long()
    return times[torch.randperm(count)].to(DEVICE)


def alphas() -> torch.Tensor:
    """The cumulative products of the schedule, by time."""
    return DDIMScheduler(**SCHEDULE).alphas_cumprod.to(DEVICE)


def weight(alpha: torch.Tensor) -> torch.Tensor:
    """Nearly clean pictures count less: min(1, 5 / SNR), `[N]`."""
    return (5 * (1 - alpha) / alpha.clamp(min=1e-8)).clamp(max=1).flatten()


def main() -> None:
    parser = arguments(__doc__, steps=1000, batch=48)
    parser.add_argument("--matrix-rate", type=float, default=0.02)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--text-factor", type=float, default=0.2, help="the text encoder's rates, relative; 0: it stays")
    parser.add_argument("--consistency", type=float, default=0.1, help="weight of the difference between two phrasings' last states")
    parser.add_argument("--start", type=pathlib.Path, help="a diffusers folder to go on with")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    tokenizer = CLIPTokenizer.from_pretrained(options.out / "tokenizer")
    unet, text = create(), create_text(tokenizer)
    if options.start:
        unet = UNet2DConditionModel.from_pretrained(options.start / "unet").float()
        scale = json.loads((options.start / "vae" / "config.json").read_text())["scaling_factor"]
    else:
        scale = 1 / float(np.load(options.out / "scenes.npy", mmap_mode="r").astype(np.float32).std())
    if (options.out / "text.pt").exists():
        text.load_state_dict(averaged(options.out / "text.pt", "0."))
    else:
        text = CLIPTextModel.from_pretrained(options.start / "text_encoder").float()
    text.requires_grad_(options.text_factor > 0)
    both = torch.nn.ModuleDict({"unet": unet, "text": text}).to(DEVICE, memory_format=torch.channels_last)
    embeddings = tuple(name for name, _ in both.named_parameters() if "embedding" in name)
    muon = optimizer(both, options.matrix_rate, options.rate, (*embeddings, "unet.conv_in.", "unet.conv_out."))
    muon.slow_down(set(text.parameters()), options.text_factor)
    scenes, cumulative = Scenes(options.out, scale), alphas()
    (options.out / "scale.json").write_text(json.dumps(scale))
    run = Run("unet", options, both, muon)
    for generator in run:
        clean, texts, others = scenes.pairs(options.batch, generator)
        named = torch.from_numpy(generator.random(options.batch) >= UNCONDITIONAL).to(DEVICE)
        texts = [text if kept else "" for text, kept in zip(texts, named.tolist())]
        noise, times = torch.randn_like(clean), spread_times(options.batch)
        alpha = cumulative[times][:, None, None, None]
        noisy = alpha.sqrt() * clean + (1 - alpha).sqrt() * noise
        target = alpha.sqrt() * noise - (1 - alpha).sqrt() * clean
        with autocast():
            states = both["text"](tokens(tokenizer, texts, full=True).to(DEVICE)).last_hidden_state
            output = both["unet"](noisy.contiguous(memory_format=torch.channels_last), times, states).sample
            again = both["text"](tokens(tokenizer, others, full=True).to(DEVICE)).last_hidden_state if options.text_factor > 0 else states
        error = (output.float() - target).square().mean(dim=(1, 2, 3))
        phrasing = difference(again[named], states[named]) if options.text_factor > 0 else 0
        run.descend((error * weight(alpha)).mean() + options.consistency * phrasing, shown=error.mean().item())


if __name__ == "__main__":
    main()

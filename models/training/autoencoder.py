"""Trains the autoencoder: OUT/autoencoder.pt.

With --decoder, trains a decoder alone (OUT/decoder-NAME.pt): the latents stay, so the denoiser may train at the same
time. Three pictures of four are then of the concepts that the family draws.
"""
import pathlib

import numpy as np
import torch
from diffusers import AutoencoderTiny

from captions import concepts
from common import BACKGROUNDS, DEVICE, Run, arguments, autocast, composite, open_pictures, optimizer

WIDTH = 32
NOISE = 0.1  #: standard deviation of the noise on the latents: keeps them smooth and the decoder forgiving


#: Width, and blocks a level, of the decoders.
DECODERS = {"wide": (32, (3, 2, 1, 1)), "narrow": (16, (2, 1, 1, 1))}


def create(decoder: str = "wide") -> AutoencoderTiny:
    width, blocks = DECODERS[decoder]
    return AutoencoderTiny(encoder_block_out_channels=(WIDTH,) * 4, decoder_block_out_channels=(width,) * 4,
                           num_encoder_blocks=(0, 1, 2, 3), num_decoder_blocks=blocks, latent_channels=4)


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
        target = composite(pictures[batch], colour).to(DEVICE)
        output = model.decoder(model.encoder(target)).clamp(-1, 1)
        total += (-10 * ((target - output) / 2).square().mean(dim=(1, 2, 3)).log10()).sum().item()
    return total / len(ids)


def main() -> None:
    parser = arguments(__doc__, steps=2600, batch=16)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="what prepare.py wrote")
    parser.add_argument("--matrix-rate", type=float, default=0.02)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--decoder", choices=DECODERS, help="train this decoder alone")
    parser.add_argument("--encoder", type=pathlib.Path, help="with --decoder: a diffusers folder whose encoder stays")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    pictures, rows = open_pictures(options.data)
    held_out = np.arange(len(rows)) % 50 == 7
    ids, test = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    names = concepts()
    drawn = np.array([index for index in ids if rows[index]["name"] in names])

    model = create(options.decoder or "wide")
    if options.decoder:
        whole = (AutoencoderTiny.from_pretrained(options.encoder).state_dict() if options.encoder
                 else torch.load(options.out / "autoencoder.pt")["average"])
        own = model.state_dict()
        fitting = {key: value for key, value in whole.items() if key in own and own[key].shape == value.shape}
        model.load_state_dict({**own, **{key: value.float() for key, value in fitting.items()}})
        model.encoder.requires_grad_(False)
    model = model.to(DEVICE, memory_format=torch.channels_last)
    outside = ("encoder.layers.0.", "decoder.layers.0.") + tuple(
        f"{part}.layers.{len(getattr(model, part).layers) - 1}." for part in ("encoder", "decoder"))
    muon = optimizer(model, options.matrix_rate, options.rate, outside)
    run = Run(f"decoder-{options.decoder}" if options.decoder else "autoencoder", options, model, muon, rate=0.999)
    for generator in run:
        source = drawn if options.decoder and generator.random() < 0.75 else ids
        batch = np.sort(generator.choice(source, options.batch, replace=False))
        target = composite(pictures[batch], colours(generator, options.batch)).to(DEVICE)
        with autocast():
            with torch.set_grad_enabled(not options.decoder):
                latents = model.encoder(target).float()
            output = model.decoder(latents + NOISE * torch.randn_like(latents))
        loss = shown = loss_of(target, output)
        if not options.decoder:
            mean, variance = latents.mean(dim=(0, 2, 3)), latents.var(dim=(0, 2, 3))
            loss = loss + 0.02 * (mean.square() + variance.log().square()).mean()
        run.descend(loss, shown=shown.item())
    model.load_state_dict(run.averaged())
    print(f"{psnr(model, pictures, test):.2f} dB on held-out drawings", flush=True)


if __name__ == "__main__":
    main()

"""Trains the autoencoder: OUT/autoencoder.pt.

With --decoder, trains a decoder alone (OUT/decoder-NAME.pt): the latents stay, so the denoiser may train at the same
time. Three pictures of four are then of the concepts that the family draws. The decoders `wide256` and `narrow256` give 256 x 256
pixels from the latents of 128 x 128, and want pictures of 256 x 256 in --data; --decoder encoder256 trains the encoder that gives
these latents for 256 x 256 pixels (OUT/encoder256.pt).
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
DECODERS = {"wide": (32, (3, 2, 1, 1)), "narrow": (16, (2, 1, 1, 1)),
            "wide256": (32, (3, 2, 1, 1, 1)), "narrow256": (16, (2, 1, 1, 1, 1))}


def create(decoder: str = "wide") -> AutoencoderTiny:
    """The autoencoder with a decoder; one for 256 x 256 has a level more on either side."""
    width, blocks = DECODERS[decoder]
    encoder = (0, 1, 2, 3) if len(blocks) == 4 else (0, 0, 1, 2, 3)
    return AutoencoderTiny(encoder_block_out_channels=(WIDTH,) * len(blocks), decoder_block_out_channels=(width,) * len(blocks),
                           num_encoder_blocks=encoder, num_decoder_blocks=blocks, latent_channels=4)


def take_over(model: AutoencoderTiny, whole: dict[str, torch.Tensor]) -> None:
    """Gives `model` what fits of another autoencoder's weights.

    The level that a decoder for 256 x 256 has more only enlarges at first; the encoder's comes first, and starts at random.
    """
    own, result = model.state_dict(), {}
    deeper = len(model.config.block_out_channels) == 5 and not any(key.startswith("encoder.layers.11.") for key in whole)
    last = 15 if model.config.decoder_block_out_channels[0] == WIDTH else 13
    for key, value in whole.items():
        part, _, number, name = key.split(".", 3)
        if deeper and part == "encoder" and int(number) > 0:
            key = f"encoder.layers.{int(number) + 1}.{name}"
        elif deeper and key.startswith(f"decoder.layers.{last}."):
            key = f"decoder.layers.{last + 3}.{name}"
        if key in own and own[key].shape == value.shape:
            result[key] = value.float()
    if deeper and f"decoder.layers.{last + 3}.weight" in result:
        result[f"decoder.layers.{last + 1}.weight"] = torch.nn.init.dirac_(torch.empty_like(own[f"decoder.layers.{last + 1}.weight"]))
        result |= {key: torch.zeros_like(own[key]) for key in own if key.startswith(f"decoder.layers.{last + 2}.conv.4.")}
    model.load_state_dict({**own, **result})


def decoded_part(decoder: torch.nn.Module, latents: torch.Tensor, generator: np.random.Generator) -> tuple[torch.Tensor, slice, slice]:
    """A quarter of the decoded pictures and where it lies: all but the last level is computed whole, the last is the dear one."""
    last = max(n for n, layer in enumerate(decoder.layers) if isinstance(layer, torch.nn.Upsample))
    maps = decoder.layers[:last](torch.tanh(latents / 3) * 3)
    side, margin = maps.shape[-1], 3  # what lies nearer to a cut than the level sees is dropped
    part = side // 2 + margin
    cuts = [(slice(0, part), slice(0, side)) if first else (slice(side - part, side), slice(side, 2 * side))
            for first in generator.random(2) < 0.5]
    (rows, below), (columns, right) = cuts
    output = decoder.layers[last:](maps[:, :, rows, columns].contiguous(memory_format=torch.channels_last))
    inner = [slice(0, side) if cut.start == 0 else slice(2 * margin, None) for cut, _ in cuts]
    return output[:, :, inner[0], inner[1]] * 2 - 1, below, right


def encoded(encoder: torch.nn.Module, pictures: torch.Tensor) -> torch.Tensor:
    """The latents of pictures of 128 x 128, or of larger ones made as small."""
    return encoder(torch.nn.functional.avg_pool2d(pictures, pictures.shape[-1] // 128)).float()


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
def psnr(encode, decoder: torch.nn.Module, pictures: np.ndarray, ids: np.ndarray) -> float:
    """Mean PSNR in decibels over held-out pictures, half on white and half on blue, in float32."""
    total = 0.0
    for start in range(0, len(ids), 16):
        batch = ids[start:start + 16]
        colour = np.array([BACKGROUNDS["white" if i % 2 else "blue"] for i in range(len(batch))], dtype=np.float32)
        target = composite(pictures[batch], colour).to(DEVICE)
        output = decoder(encode(target)).clamp(-1, 1)
        total += (-10 * ((target - output) / 2).square().mean(dim=(1, 2, 3)).log10()).sum().item()
    return total / len(ids)


def main() -> None:
    parser = arguments(__doc__, steps=2600, batch=16)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="what prepare.py wrote")
    parser.add_argument("--matrix-rate", type=float, default=0.02)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--decoder", choices=[*DECODERS, "encoder256"], help="train this part alone")
    parser.add_argument("--encoder", type=pathlib.Path, help="with --decoder: a diffusers folder whose latents stay")
    parser.add_argument("--start", type=pathlib.Path, help="with --decoder: a diffusers folder whose decoder it goes on from")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    pictures, rows = open_pictures(options.data)
    held_out = np.arange(len(rows)) % 50 == 7
    ids, test = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    names = concepts()
    drawn = np.array([index for index in ids if rows[index]["name"] in names])

    part, frozen = options.decoder, None
    model = create("wide256" if part == "encoder256" else part or "wide")
    if part:
        whole = (AutoencoderTiny.from_pretrained(options.encoder).state_dict() if options.encoder
                 else torch.load(options.out / "autoencoder.pt")["average"])
        teacher = create("wide")
        teacher.load_state_dict({**teacher.state_dict(), **{key: value.float() for key, value in whole.items() if key.startswith("encoder.")}})
        frozen = teacher.encoder.to(DEVICE, memory_format=torch.channels_last).requires_grad_(False)
        take_over(model, AutoencoderTiny.from_pretrained(options.start).state_dict() if options.start else whole)
        (model.decoder if part == "encoder256" else model.encoder).requires_grad_(False)
    model = model.to(DEVICE, memory_format=torch.channels_last)
    outside = ("encoder.layers.0.", "decoder.layers.0.") + tuple(
        f"{half}.layers.{len(getattr(model, half).layers) - 1}." for half in ("encoder", "decoder"))
    muon = optimizer(model, options.matrix_rate, options.rate, outside)
    name = part if part == "encoder256" else f"decoder-{part}" if part else "autoencoder"
    run = Run(name, options, model, muon, rate=0.999)
    for generator in run:
        source = drawn if part and generator.random() < 0.75 else ids
        batch = np.sort(generator.choice(source, options.batch, replace=False))
        target = composite(pictures[batch], colours(generator, options.batch)).to(DEVICE)
        if part == "encoder256":
            with torch.no_grad():
                wanted = encoded(frozen, target)
            loss = (model.encoder(target) - wanted).square().mean()
            run.descend(loss)
            continue
        with autocast():
            with torch.set_grad_enabled(not part):
                latents = encoded(frozen, target) if part else model.encoder(target).float()
            noisy = latents + NOISE * torch.randn_like(latents)
            if target.shape[-1] > 128:
                output, below, right = decoded_part(model.decoder, noisy, generator)
                target = target[:, :, below, right]
            else:
                output = model.decoder(noisy)
        loss = shown = loss_of(target, output)
        if not part:
            mean, variance = latents.mean(dim=(0, 2, 3)), latents.var(dim=(0, 2, 3))
            loss = loss + 0.02 * (mean.square() + variance.log().square()).mean()
        run.descend(loss, shown=shown.item())
    model.load_state_dict(run.averaged())
    encode = model.encoder if part in (None, "encoder256") else lambda target: encoded(frozen, target)
    print(f"{psnr(encode, model.decoder, pictures, test):.2f} dB on held-out drawings", flush=True)


if __name__ == "__main__":
    main()

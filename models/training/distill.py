"""Trains a pruned student on the base's lessons: OUT/MEMBER.pt.

The student starts with a part of the base's channels, or with --start as the member is, and learns the base's guided answers and,
through 1 x 1 convolutions that are thrown away afterwards, the features of its blocks (BK-SDM, Kim et al. 2023).
"""
import json
import pathlib
import re

import numpy as np
import torch
from safetensors.torch import load_file

from common import DEVICE, Run, arguments, autocast, optimizer
from teach import Listener, blocks, networks
from text import tokens
from unet import MEMBERS, alphas, create, weight

FEATURES = 0.2  #: weight of all features together, beside the answer's


def kept(count: int, part: int) -> list[int]:
    """Which of `count` channels stay: the first of each of the 32 groups that GroupNorm forms."""
    groups = 32 if count % 32 == 0 and part % 32 == 0 else 1
    return [group * (count // groups) + n for group in range(groups) for n in range(part // groups)]


def pruned(base: torch.nn.Module, student: torch.nn.Module) -> None:
    """Gives `student` the base's weights between the channels that stay, scaled for those that are gone."""
    sources, many, few = base.state_dict(), base.config.block_out_channels, student.config.block_out_channels
    result = {}
    for name, value in student.state_dict().items():
        source = sources[name]
        if name == "time_embedding.linear_1.weight":  # cosines, then sines, of falling frequencies
            source = source[:, [half * many[0] // 2 + n * many[0] // few[0] for half in (0, 1) for n in range(few[0] // 2)]]
        joined = joined_channels(name, many), joined_channels(name, few)
        for axis in range(source.ndim):
            count, part = source.shape[axis], value.shape[axis]
            if count == part:
                continue
            if joined[0] and axis == min(1, source.ndim - 1):
                first = kept(joined[0][0], joined[1][0])
                second = kept(joined[0][1], joined[1][1])
                chosen = first + [joined[0][0] + n for n in second]
            elif "ff.net.0.proj" in name and axis == 0:  # values, then gates
                half = kept(count // 2, part // 2)
                chosen = half + [count // 2 + n for n in half]
            else:
                chosen = kept(count, part)
            source = source.index_select(axis, torch.tensor(chosen))
            if axis == 1:
                source = source * (count / part) ** 0.5
        result[name] = source
    student.load_state_dict(result)


def joined_channels(name: str, channels: tuple[int, ...]) -> tuple[int, int] | None:
    """The channels of the two tensors that a layer of an up block reads joined: the level below's, the skip's."""
    found = re.match(r"up_blocks\.(\d)\.resnets\.(\d)\.(norm1|conv1\.weight|conv_shortcut\.weight)", name)
    if not found:
        return None
    up, number, last = int(found[1]), int(found[2]), len(channels) - 1
    level = last - up
    hidden = channels[level] if number else channels[min(level + 1, last)]
    return hidden, channels[max(level - 1, 0)] if number else channels[level]


class Lessons:
    """What `teach.py` wrote."""

    def __init__(self, folder):
        self.texts = [json.loads(line) for line in open(folder / "lessons.jsonl")]
        self.arrays = {path.stem.partition("-")[2]: np.load(path, mmap_mode="r") for path in folder.glob("lessons-*.npy")}

    def draw(self, count: int, generator: np.random.Generator) -> tuple[dict[str, torch.Tensor], list[str]]:
        """A batch of lessons by name, each of them `[N, ...]`, and their captions."""
        picks = np.sort(generator.choice(len(self.texts), count, replace=False))
        batch = {name: torch.from_numpy(array[picks]).to(DEVICE) for name, array in self.arrays.items()}
        return batch, [self.texts[pick] for pick in picks]


def stored(path: pathlib.Path) -> dict[str, torch.Tensor]:
    """The weights of a safetensors file, also of one that latentd's importer rounded to int8."""
    tensors = load_file(path)
    scales = {name.removesuffix(".scale"): tensors.pop(name) for name in list(tensors) if name.endswith(".scale")}
    return {name: value.float() * (scales[name].reshape(-1, *[1] * (value.ndim - 1)) if name in scales else 1)
            for name, value in tensors.items()}


def main() -> None:
    parser = arguments(__doc__, steps=600, batch=64)
    parser.add_argument("--member", choices=[name for name in MEMBERS if name != "base"], required=True)
    parser.add_argument("--matrix-rate", type=float, default=0.02)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--start", type=pathlib.Path, help="the member's diffusers folder, to go on with")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    base, text, tokenizer = networks(options.out)
    lessons, cumulative = Lessons(options.out), alphas()
    student = create(options.member)
    if options.start:
        student.load_state_dict(stored(options.start / "unet" / "diffusion_pytorch_model.safetensors"))
    else:
        pruned(base.cpu(), student)
    widths = {name: (lessons.arrays[name].shape[1], block_width(options.member, name)) for name in blocks(base)}
    adaptors = torch.nn.ModuleDict({name: torch.nn.Conv2d(own, theirs, 1) for name, (theirs, own) in widths.items()})
    both = torch.nn.ModuleDict({"unet": student, "adaptors": adaptors}).to(DEVICE, memory_format=torch.channels_last)
    listener = Listener(both["unet"])
    muon = optimizer(both, options.matrix_rate, options.rate, ("unet.conv_in.", "unet.conv_out.", "adaptors."))
    run = Run(options.member, options, both, muon)
    for generator in run:
        lesson, texts = lessons.draw(options.batch, generator)
        with torch.no_grad():
            states = text(tokens(tokenizer, texts, full=True).to(DEVICE)).last_hidden_state
        with autocast():
            noisy = lesson["noisy"].float().contiguous(memory_format=torch.channels_last)
            output = both["unet"](noisy, lesson["times"], states).sample
        error = (output.float() - lesson["guided"].float()).square().mean(dim=(1, 2, 3))
        answer = (error * weight(cumulative[lesson["times"]])).mean()
        features = torch.stack([
            (adaptors[name](feature.float()) - lesson[name].float()).square().mean() / lesson[name].float().square().mean()
            for name, feature in listener.features.items()]).mean()
        run.descend(answer + FEATURES * features, shown=error.mean().item())


def block_width(member: str, name: str) -> int:
    """The channels that a block of `teach.blocks` puts out."""
    channels = MEMBERS[member]
    return channels[int(name[-1])] if name.startswith("down") else channels[-1]


if __name__ == "__main__":
    main()

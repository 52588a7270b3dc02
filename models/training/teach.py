"""What the base answers, for students to learn from: OUT/lessons-*.npy and OUT/lessons.jsonl.

A lesson is a noisy latent, its time and caption, the base's v-prediction at a fixed guidance, and what its blocks gave
to each other. Made once, it serves every student, each of which so needs one evaluation a step (Meng et al. 2023).
"""
import json

import numpy as np
import torch
from transformers import CLIPTokenizer

from common import DEVICE, arguments, autocast, averaged, rest
from text import create as create_text, tokens
from unet import Scenes, alphas, create, spread_times

GUIDANCE = 2.0


def blocks(unet: torch.nn.Module) -> dict[str, torch.nn.Module]:
    """The blocks whose outputs a student imitates: all but the two of the finest levels on the way up."""
    return {**{f"down{n}": block for n, block in enumerate(unet.down_blocks)},
            "middle": unet.mid_block, "up0": unet.up_blocks[0]}


class Listener:
    """Keeps what the blocks of a UNet put out at its last evaluation."""

    def __init__(self, unet: torch.nn.Module):
        self.features: dict[str, torch.Tensor] = {}
        for name, block in blocks(unet).items():
            block.register_forward_hook(lambda _, __, output, name=name: self.features.__setitem__(
                name, output[0] if isinstance(output, tuple) else output))


def networks(folder):
    """The trained base, its text encoder and tokenizer, ready to be asked."""
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    both = torch.nn.ModuleDict({"unet": create(), "text": create_text(tokenizer)})
    both.load_state_dict(averaged(folder / "unet.pt"))
    both = both.to(DEVICE, memory_format=torch.channels_last).eval().requires_grad_(False)
    return both["unet"], both["text"], tokenizer


def guided_velocity(unet, sample: torch.Tensor, times: torch.Tensor, states, empty) -> torch.Tensor:
    """The base's answer at the fixed guidance, with the captions' states and those of no caption."""
    with autocast():
        both = unet(sample.repeat(2, 1, 1, 1), times.repeat(2), torch.cat([states, empty.expand_as(states)])).sample
    named, unnamed = both.float().chunk(2)
    return unnamed + GUIDANCE * (named - unnamed)


@torch.inference_mode()
def main() -> None:
    parser = arguments(__doc__, steps=250, batch=64)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    generator = np.random.default_rng(options.seed)
    unet, text, tokenizer = networks(options.out)
    listener, cumulative = Listener(unet), alphas()
    scenes = Scenes(options.out, json.loads((options.out / "scale.json").read_text()))
    empty = text(tokens(tokenizer, [""], full=True).to(DEVICE)).last_hidden_state
    lessons: dict[str, list[np.ndarray]] = {}
    with open(options.out / "lessons.jsonl", "w") as captions:
        for step in range(options.steps):
            rest(options.pause)
            clean, texts = scenes.draw(options.batch, generator)
            times = spread_times(options.batch)
            alpha = cumulative[times][:, None, None, None]
            noisy = alpha.sqrt() * clean + (1 - alpha).sqrt() * torch.randn_like(clean)
            with autocast():
                states = text(tokens(tokenizer, texts, full=True).to(DEVICE)).last_hidden_state
            kept = {"noisy": noisy, "times": times, "guided": guided_velocity(unet, noisy, times, states, empty),
                    **{name: feature[:options.batch] for name, feature in listener.features.items()}}
            for name, value in kept.items():
                value = value if value.dtype == torch.int64 else value.half()
                lessons.setdefault(name, []).append(value.contiguous().cpu().numpy())
            captions.writelines(json.dumps(str(caption), ensure_ascii=False) + "\n" for caption in texts)
            if step % 25 == 0:
                print(f"{step * options.batch} lessons", flush=True)
    for name, values in lessons.items():
        np.save(options.out / f"lessons-{name}.npy", np.concatenate(values))


if __name__ == "__main__":
    main()

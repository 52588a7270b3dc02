"""Composes the scenes that the denoiser trains on and encodes them: OUT/scenes.npy `[N, 4, H, W]` and OUT/scenes.jsonl.

Drawings of the concepts, without those kept for evaluation (`captions.held_out`) unless --all is given: each alone on every background, and by
chance alone on a gradient, small and off the centre, two side by side or one above the other, several of one kind.
"""
import argparse
import json
import os
import pathlib

import numpy as np
import torch
from diffusers import AutoencoderTiny

from captions import Scene, caption, concepts, plain, plural, trained_on
from common import BACKGROUNDS, open_pictures, rest, shrunk

SIDE = 128  #: of the pictures that are encoded
CAPTIONS = 6  #: captions of each scene: the first in the trained order, the others as people write them


def compose(scene: Scene, pictures: np.ndarray) -> torch.Tensor:
    """The scene `[3, H, W]` in -1 ... 1."""
    side = pictures.shape[1]
    canvas = torch.zeros(4, side, side)
    places = centres(scene.layout, len(scene.things), scene.size)
    for index, (x, y) in zip(scene.things, places):
        drawing = torch.from_numpy(np.ascontiguousarray(pictures[index])).float().permute(2, 0, 1)
        if scene.size == 1:
            canvas = drawing
            continue
        pixels = round(scene.size * side)
        small = torch.nn.functional.interpolate(drawing[None], (pixels, pixels), mode="bilinear", antialias=True)[0]
        left, top = (min(max(round(place * side - pixels / 2), 0), side - pixels) for place in (x, y))
        under = canvas[:, top:top + pixels, left:left + pixels]
        canvas[:, top:top + pixels, left:left + pixels] = small + under * (1 - small[3:] / 255)
    first = torch.tensor(BACKGROUNDS[scene.background]).float()[:, None, None]
    last = torch.tensor(BACKGROUNDS[scene.gradient or scene.background]).float()[:, None, None]
    behind = torch.lerp(first, last, torch.linspace(0, 1, side)[None, :, None]).expand(3, side, side)
    return (canvas[:3] + behind * (1 - canvas[3:] / 255)) / 127.5 - 1


def centres(layout: str, count: int, size: float) -> list[tuple[float, float]]:
    """Where the middles of the things are, as parts of the sides."""
    near, far = size / 2, 1 - size / 2
    return {
        "full": [(0.5, 0.5)], "centre": [(0.5, 0.5)], "left": [(near, 0.5)], "right": [(far, 0.5)],
        "top": [(0.5, near)], "bottom": [(0.5, far)], "beside": [(0.25, 0.5), (0.75, 0.5)],
        "above": [(0.5, 0.25), (0.5, 0.75)],
        "count": {2: [(0.25, 0.5), (0.75, 0.5)], 3: [(0.5, 0.25), (0.25, 0.75), (0.75, 0.75)],
                  4: [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)]}.get(count),
    }[layout]


class Composer:
    """Scenes of the rows `drawn`, by chance; what is together in one has one style."""

    def __init__(self, rows: list[dict], drawn: list[int]):
        self.rows, self.drawn, self.colours = rows, drawn, list(BACKGROUNDS)
        self.by_style: dict[str, list[int]] = {}
        for index in drawn:
            self.by_style.setdefault(rows[index]["style"], []).append(index)
        self.countable = [index for index in drawn if plural(rows[index]["name"].lower())]

    def scene(self, kind: str, generator: np.random.Generator) -> Scene:
        """One of a kind: full, gradient, placed, pair or count."""
        one = int(generator.choice(self.countable if kind == "count" else self.drawn))
        colour = "white" if generator.random() < 0.5 else self.colours[generator.integers(len(self.colours))]
        match kind:
            case "full":
                return Scene([one], background=colour)
            case "gradient":
                first, last = generator.choice(self.colours, 2, replace=False)
                return Scene([one], background=str(first), gradient=str(last))
            case "placed":
                return Scene([one], str(generator.choice(["left", "right", "top", "bottom", "centre"])), colour, size=generator.uniform(0.36, 0.62))
            case "pair":
                others, other = self.by_style[self.rows[one]["style"]], one
                while self.rows[other]["name"] == self.rows[one]["name"]:
                    other = others[generator.integers(len(others))]
                return Scene([one, other], str(generator.choice(["beside", "beside", "above"])), colour, size=0.48)
        return Scene([one] * int(generator.integers(2, 5)), "count", colour, size=0.46)


def scenes(rows: list[dict], drawn: list[int], generator: np.random.Generator, scale: float) -> list[Scene]:
    """Each of the rows `drawn` alone on all backgrounds, then the chance ones; `scale` multiplies how many of those."""
    composer = Composer(rows, drawn)
    result = [Scene([index], background=name) for index in drawn for name in composer.colours]
    for kind, count in {"gradient": 1500, "placed": 2500, "pair": 6000, "count": 2000}.items():
        result += [composer.scene(kind, generator) for _ in range(round(count * scale))]
    return result


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="what prepare.py wrote")
    parser.add_argument("--vae", type=pathlib.Path, required=True, help="a diffusers folder of the autoencoder")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--scale", type=float, default=1.0, help="how many chance scenes, relative")
    parser.add_argument("--all", action="store_true", help="the drawings kept for evaluation too")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--pause", type=pathlib.Path, help="a file: while it exists, the work sleeps")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    generator = np.random.default_rng(options.seed)
    pictures, rows = open_pictures(options.data)
    names = concepts()
    model = AutoencoderTiny.from_pretrained(options.vae).float().eval().to(memory_format=torch.channels_last)
    drawn = trained_on(rows, names, keep=not options.all)
    pictures, chosen = shrunk(pictures, drawn, SIDE), scenes(rows, drawn, generator, options.scale)
    latents = np.empty((len(chosen), 4, SIDE // 8, SIDE // 8), np.float16)
    torch.set_num_threads(options.threads)
    for start in range(0, len(chosen), 32):
        rest(options.pause)
        batch = torch.stack([compose(scene, pictures) for scene in chosen[start:start + 32]])
        latents[start:start + 32] = model.encoder(batch.contiguous(memory_format=torch.channels_last)).half().numpy()
    np.save(options.out / "scenes.npy", latents)
    with open(options.out / "scenes.jsonl", "w") as index:
        for scene in chosen:
            texts = [caption(scene, rows, names, generator), *(plain(scene, rows, names, generator) for _ in range(CAPTIONS - 1))]
            index.write(json.dumps({"layout": scene.layout, "background": scene.background, "captions": texts},
                                   ensure_ascii=False) + "\n")
    deviation = latents.astype(np.float32).std(axis=(0, 2, 3))
    print(f"{len(chosen)} scenes, {len({scene.things[0] for scene in chosen})} drawings, deviation {deviation}")


if __name__ == "__main__":
    main()

"""Composes the scenes that the denoiser trains on and encodes them: OUT/scenes.npy `[N, 4, H, W]` and OUT/scenes.jsonl.

Drawings of the concepts, without those kept for evaluation (`captions.held_out`) unless --all is given: each alone on every background, and by
chance alone on a gradient, small and off the centre, two side by side or one above the other, several of one kind.
"""
import argparse
import json
import pathlib

import numpy as np
import torch
from diffusers import AutoencoderTiny

from captions import Scene, called, caption, concepts, plural, trained_on
from common import BACKGROUNDS, open_pictures

CAPTIONS = 3  #: captions of each scene


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


def scenes(rows: list[dict], drawn: list[int], generator: np.random.Generator, scale: float) -> list[Scene]:
    """Each of the rows `drawn` alone on all backgrounds, then the chance ones; `scale` multiplies how many of those."""
    colours = list(BACKGROUNDS)
    by_style = {}
    for index in drawn:
        by_style.setdefault(rows[index]["style"], []).append(index)

    def colour() -> str:
        return "white" if generator.random() < 0.5 else colours[generator.integers(len(colours))]

    result = [Scene([index], background=name) for index in drawn for name in colours]
    for _ in range(round(1500 * scale)):
        first, last = generator.choice(colours, 2, replace=False)
        result.append(Scene([generator.choice(drawn)], background=str(first), gradient=str(last)))
    for _ in range(round(2500 * scale)):
        layout = str(generator.choice(["left", "right", "top", "bottom", "centre"]))
        result.append(Scene([generator.choice(drawn)], layout, colour(), size=generator.uniform(0.36, 0.62)))
    for _ in range(round(6000 * scale)):
        one = generator.choice(drawn)
        other = generator.choice([index for index in by_style[rows[one]["style"]] if rows[index]["name"] != rows[one]["name"]])
        result.append(Scene([one, other], str(generator.choice(["beside", "beside", "above"])), colour(), size=0.48))
    countable = [index for index in drawn if plural(called(rows[index], [rows[index]["name"]], generator))]
    for _ in range(round(2000 * scale)):
        count = int(generator.integers(2, 5))
        result.append(Scene([generator.choice(countable)] * count, "count", colour(), size=0.46))
    return result


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="what prepare.py wrote")
    parser.add_argument("--vae", type=pathlib.Path, required=True, help="a diffusers folder of the autoencoder")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--scale", type=float, default=1.0, help="how many chance scenes, relative")
    parser.add_argument("--all", action="store_true", help="the drawings kept for evaluation too")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    generator = np.random.default_rng(options.seed)
    pictures, rows = open_pictures(options.data)
    names = concepts()
    model = AutoencoderTiny.from_pretrained(options.vae).float().eval().to(memory_format=torch.channels_last)
    chosen = scenes(rows, trained_on(rows, names, keep=not options.all), generator, options.scale)
    latents = np.empty((len(chosen), 4, pictures.shape[1] // 8, pictures.shape[2] // 8), np.float16)
    for start in range(0, len(chosen), 32):
        batch = torch.stack([compose(scene, pictures) for scene in chosen[start:start + 32]])
        latents[start:start + 32] = model.encoder(batch.contiguous(memory_format=torch.channels_last)).half().numpy()
    np.save(options.out / "scenes.npy", latents)
    with open(options.out / "scenes.jsonl", "w") as index:
        for scene in chosen:
            texts = [str(caption(scene, rows, names, generator)) for _ in range(CAPTIONS)]
            index.write(json.dumps({"layout": scene.layout, "background": scene.background, "captions": texts},
                                   ensure_ascii=False) + "\n")
    deviation = latents.astype(np.float32).std(axis=(0, 2, 3))
    print(f"{len(chosen)} scenes, {len({scene.things[0] for scene in chosen})} drawings, deviation {deviation}")


if __name__ == "__main__":
    main()

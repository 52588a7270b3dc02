"""Draws a contact sheet of sheet-prompts.txt with an exported model, through diffusers in float32."""
import argparse
import pathlib
import time

import torch
from diffusers import StableDiffusionPipeline
from PIL import Image


def main() -> None:
    here = pathlib.Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=pathlib.Path, default=here.parent / "emoji")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="a PNG file")
    parser.add_argument("--prompts", type=pathlib.Path, default=here / "sheet-prompts.txt")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, default=3.0)
    parser.add_argument("--columns", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    pipeline = StableDiffusionPipeline.from_pretrained(options.model, safety_checker=None,
                                                       requires_safety_checker=False).to(torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    prompts = options.prompts.read_text().splitlines()
    start, pictures = time.monotonic(), []
    for index in range(0, len(prompts), 12):
        batch = prompts[index:index + 12]
        generators = [torch.Generator().manual_seed(options.seed + index + n) for n in range(len(batch))]
        pictures += pipeline(batch, width=128, height=128, num_inference_steps=options.steps,
                             guidance_scale=options.guidance, generator=generators).images
    print(f"{(time.monotonic() - start) / len(prompts):.2f} s a picture")
    sheet = Image.new("RGB", (options.columns * 128, -(-len(prompts) // options.columns) * 128), "white")
    for number, picture in enumerate(pictures):
        sheet.paste(picture, (number % options.columns * 128, number // options.columns * 128))
    sheet.save(options.out)


if __name__ == "__main__":
    main()

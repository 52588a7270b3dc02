"""Contact sheets, every prompt of the lists drawn once by latentd, in their order, its caption below.

With --ways, one row a prompt instead: the same noise at each MODEL:PRECISION:STEPS that is named. Of a list of which each line is a table's row,
as `plain-prompts.txt`, the first cell is the prompt; --take 96 takes so many at even distances, and the first 16 are those of the issue.
"""
import argparse
import pathlib
import textwrap

from PIL import Image, ImageDraw, ImageFont

from drawing import draw

SIZE, MARGIN, TEXT = 128, 8, 30


def sheet(cells: list[tuple[Image.Image, str]], columns: int) -> Image.Image:
    rows = -(-len(cells) // columns)
    across, down = SIZE + MARGIN, SIZE + TEXT + MARGIN
    whole = Image.new("RGB", (columns * across + MARGIN, rows * down + MARGIN), "#f4f4f4")
    pen, font = ImageDraw.Draw(whole), ImageFont.load_default(size=10)
    for number, (picture, text) in enumerate(cells):
        x, y = MARGIN + number % columns * across, MARGIN + number // columns * down
        whole.paste(picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS) if picture.width != SIZE else picture, (x, y))
        pen.multiline_text((x, y + SIZE + 2), "\n".join(textwrap.wrap(text, 27)), fill="black", font=font, spacing=1)
    return whole


def main() -> None:
    here = pathlib.Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binaries", type=pathlib.Path, required=True, help="the folder of latentd")
    parser.add_argument("--models", type=pathlib.Path, default=here.parent)
    parser.add_argument("--model", default="emoji")
    parser.add_argument("--ways", nargs="*", default=[], metavar="MODEL:PRECISION:STEPS")
    parser.add_argument("--prompts", type=pathlib.Path, nargs="+",
                        default=[here / "sheet-prompts.txt", here / "scene-prompts.txt"])
    parser.add_argument("--every", type=int, default=1, help="take every so many-th prompt")
    parser.add_argument("--take", type=int, help="take so many prompts, at even distances")
    parser.add_argument("--first", type=int, help="take the first so many prompts")
    parser.add_argument("--columns", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args()
    prompts = [line.split(" | ")[0] for path in options.prompts for line in path.read_text().splitlines() if not line.startswith("#")]
    jobs = [{"prompt": prompt, "seed": options.seed + n} for n, prompt in enumerate(prompts)][:options.first:options.every]
    if options.take:
        jobs = [jobs[n * len(jobs) // options.take] for n in range(options.take)]
    if options.ways:
        ways = [way.split(":") for way in options.ways]
        jobs = [{**job, "model": model, "precision": precision, "steps": int(steps)}
                for job in jobs for model, precision, steps in ways]
        captions = [f"{job['model']}, {job['precision']}, {job['steps']} steps: {job['prompt']}" for job in jobs]
        columns = len(ways)
    else:
        jobs = [{**job, "model": options.model} for job in jobs]
        captions, columns = [job["prompt"] for job in jobs], options.columns
    pictures = [picture for picture, _ in draw(options.binaries, options.models, jobs)]
    sheet(list(zip(pictures, captions)), columns).save(options.out, quality=88)


if __name__ == "__main__":
    main()

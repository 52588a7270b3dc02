"""The contact sheet of docs/: every prompt of a list drawn once by latentd, in the list's order, its prompt below. Needs Pillow.

Starts a daemon of its own in a temporary folder, drops one .jsonl file into its spool and waits for the results.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile
import textwrap
import time

from PIL import Image, ImageDraw, ImageFont

SIZE, MARGIN, TEXT = 128, 8, 30


def draw(binaries: pathlib.Path, models: pathlib.Path, prompts: list[str], seed: int) -> list[Image.Image]:
    """The pictures of the prompts, in order; raises where a job failed."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        daemon = subprocess.Popen([binaries / "latentd", "serve", "--root", root, "--models", models],
                                  stderr=open(root / "log", "w"))
        try:
            incoming = root / "spool" / "incoming"
            while not incoming.is_dir():
                time.sleep(0.05)
            jobs = [{"prompt": prompt, "model": "emoji", "seed": seed + n, "output": {"name": f"p{n}", "lossless": True}}
                    for n, prompt in enumerate(prompts)]
            (incoming / ".sheet.part").write_text("\n".join(map(json.dumps, jobs)))
            (incoming / ".sheet.part").rename(incoming / "sheet.jsonl")
            pictures = []
            for n in range(len(prompts)):
                done, failed = root / "spool" / "done" / f"p{n}.json", root / "spool" / "failed" / f"p{n}.json"
                while not done.exists():
                    if failed.exists() or daemon.poll() is not None:
                        raise SystemExit(failed.read_text() if failed.exists() else (root / "log").read_text())
                    time.sleep(0.05)
                pictures.append(Image.open(done.with_suffix(".webp")).convert("RGB"))
            return pictures
        finally:
            daemon.terminate()
            daemon.wait()


def main() -> None:
    here = pathlib.Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binaries", type=pathlib.Path, required=True, help="the folder of latentd")
    parser.add_argument("--models", type=pathlib.Path, default=here.parent)
    parser.add_argument("--prompts", type=pathlib.Path, default=here / "sheet-prompts.txt")
    parser.add_argument("--columns", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args()
    prompts = options.prompts.read_text().splitlines()
    pictures = draw(options.binaries, options.models, prompts, options.seed)
    rows = -(-len(prompts) // options.columns)
    cell = (SIZE + MARGIN, SIZE + TEXT + MARGIN)
    sheet = Image.new("RGB", (options.columns * cell[0] + MARGIN, rows * cell[1] + MARGIN), "#f4f4f4")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=10)
    for number, (picture, prompt) in enumerate(zip(pictures, prompts)):
        x = MARGIN + number % options.columns * cell[0]
        y = MARGIN + number // options.columns * cell[1]
        sheet.paste(picture, (x, y))
        pen.multiline_text((x, y + SIZE + 2), "\n".join(textwrap.wrap(prompt, 27)), fill="black", font=font, spacing=1)
    sheet.save(options.out, quality=90)


if __name__ == "__main__":
    main()

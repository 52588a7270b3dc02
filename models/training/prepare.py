"""Unpacks the pictures: DATA/emoji256.tar -> OUT/pictures.npy (premultiplied RGBA bytes) and OUT/index.jsonl, with the colour of each."""
import argparse
import io
import json
import pathlib
import tarfile

import numpy as np
from PIL import Image


def load(payload: bytes, size: int) -> np.ndarray:
    """One picture, premultiplied by its alpha so that scaling and compositing leave no fringe."""
    pixels = np.asarray(Image.open(io.BytesIO(payload)).convert("RGBA"), dtype=np.float32)
    pixels = np.concatenate([pixels[..., :3] * pixels[..., 3:] / 255, pixels[..., 3:]], axis=-1)
    factor = pixels.shape[0] // size
    pixels = pixels.reshape(size, factor, size, factor, 4).mean(axis=(1, 3))
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


#: Colours that people name, and where they lie.
COLOURS = [("white", (245, 245, 245)), ("black", (35, 35, 35)), ("gray", (150, 150, 155)), ("red", (215, 45, 45)), ("red", (150, 25, 35)), ("orange", (245, 140, 40)),
           ("yellow", (255, 212, 60)), ("yellow", (250, 235, 130)), ("green", (75, 160, 60)), ("green", (145, 195, 60)), ("green", (40, 100, 60)),
           ("blue", (50, 120, 220)), ("blue", (30, 60, 150)), ("light blue", (140, 205, 245)), ("purple", (135, 80, 185)), ("purple", (175, 115, 220)),
           ("pink", (245, 150, 190)), ("pink", (235, 90, 150)), ("brown", (130, 85, 55)), ("brown", (90, 55, 40)), ("brown", (170, 120, 80))]


def colour(pixels: np.ndarray) -> str | None:
    """The colour of premultiplied pixels `[H, W, 4]`: that of three of five at least, if there is one."""
    solid = pixels[::4, ::4].reshape(-1, 4)
    solid = solid[solid[:, 3] > 200][:, :3].astype(np.float32)
    if len(solid) == 0:
        return None
    anchors = np.array([place for _, place in COLOURS], dtype=np.float32)
    nearest = np.square(solid[:, None] - anchors).sum(-1).argmin(1)
    counts: dict[str, int] = {}
    for (name, _), count in zip(COLOURS, np.bincount(nearest, minlength=len(COLOURS)).tolist()):
        counts[name] = counts.get(name, 0) + count
    best = max(counts, key=counts.get)
    return best if counts[best] >= 0.6 * len(solid) else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder with emoji256.tar")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--size", type=int, default=256)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    files, rows = {}, []
    with tarfile.open(options.data / "emoji256.tar") as archive:
        for member in archive:
            if member.isfile():
                name, payload = pathlib.PurePath(member.name).name, archive.extractfile(member).read()
                if name == "index.jsonl":
                    rows = [json.loads(line) for line in payload.decode().splitlines()]
                else:
                    files[name] = load(payload, options.size)
    np.save(options.out / "pictures.npy", np.stack([files[row["file"]] for row in rows]))
    for row in rows:
        row["colour"] = colour(files[row["file"]])
    with open(options.out / "index.jsonl", "w") as index:
        index.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    print(f"{len(rows)} pictures")


if __name__ == "__main__":
    main()

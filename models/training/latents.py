"""Encodes every picture of the concepts on every background: OUT/latents.npy `[N, B, 4, H, W]`, OUT/latents.jsonl."""
import argparse
import json
import pathlib

import numpy as np
import torch

from autoencoder import create
from captions import concepts
from common import BACKGROUNDS, composite, open_pictures


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="what prepare.py wrote")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder with autoencoder.pt")
    options = parser.parse_args()
    torch.set_num_threads(1)
    pictures, rows = open_pictures(options.data)
    names = concepts()
    chosen = [index for index, row in enumerate(rows) if row["name"] in names]
    model = create().eval().to(memory_format=torch.channels_last)
    model.load_state_dict(torch.load(options.out / "autoencoder.pt")["average"])
    colours = np.array(list(BACKGROUNDS.values()))
    latents = np.stack([model.encoder(composite(pictures[[index] * len(colours)], colours)).half().numpy()
                        for index in chosen])
    np.save(options.out / "latents.npy", latents)
    with open(options.out / "latents.jsonl", "w") as index:
        index.writelines(json.dumps(rows[i], ensure_ascii=False) + "\n" for i in chosen)
    statistics = latents.astype(np.float32)
    print(f"{latents.shape}, mean {statistics.mean(axis=(0, 1, 3, 4))}, deviation {statistics.std(axis=(0, 1, 3, 4))}")


if __name__ == "__main__":
    main()

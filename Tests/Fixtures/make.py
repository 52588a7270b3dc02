"""Writes the fixtures beside this file: tiny models, golden tensors and their index, golden.json.

    python -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python make.py

All weights are random numbers of ours, seeded. The same versions on the same kind of CPU give the same files.
"""

import json
import pathlib
import shutil
import warnings

import diffusers
import torch
import transformers

from generator import (
    blocks, encoders, families, ggufs, image_runs, loras, models, noise, photos, pictures, runs, samplers, schedules,
    texts, tokenizers
)

ROOT = pathlib.Path(__file__).resolve().parent


def main():
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    diffusers.logging.set_verbosity_error()
    diffusers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    golden = ROOT / "golden"
    for folder in (ROOT / "models", golden):
        shutil.rmtree(folder, ignore_errors=True)
    for name in ("blocks", "encoders", "runs", "image-runs"):
        (golden / name).mkdir(parents=True)

    models.write_all(ROOT / "models")
    loaded = {folder.name: models.load(folder) for folder in sorted((ROOT / "models").iterdir())}
    index = {
        "versions": {module.__name__: module.__version__ for module in (torch, diffusers, transformers)},
        "blocks": [
            blocks.write(golden / "blocks" / f"{name}.safetensors", name, components, seed=number)
            for number, (name, components) in enumerate(loaded.items())
        ],
        "runs": [
            runs.write(
                golden / "runs" / runs.file_name(run, number), run, ROOT / "models" / run["model"], loaded[run["model"]]
            )
            for number, run in enumerate(runs.RUNS, 1)
        ],
        "encoders": [
            encoders.write(golden / "encoders" / f"{name}.safetensors", name, components[3], seed=200 + number)
            for number, (name, components) in enumerate(loaded.items())
        ],
        "image_runs": [
            image_runs.write(
                golden / "image-runs" / runs.file_name(run, number),
                run,
                ROOT / "models" / run["model"],
                loaded[run["model"]],
            )
            for number, run in enumerate(image_runs.RUNS, 1)
        ],
        "loras": loras.write(golden / "loras", ROOT / "models" / "sd1"),
        "pictures": pictures.write(golden / "pictures"),
        "schedules": schedules.write(golden / "trajectories.safetensors"),
        "tokenizers": texts.cases({name: components[0] for name, components in loaded.items()}),
        "noise": noise.write(golden / "noise.safetensors"),
    }
    photos.write(golden / "photos")
    ggufs.write(golden / "gguf")
    tokenizers.write(golden / "tokenizers.json", ROOT / "models" / "sd1")
    text = json.dumps(index, indent=1, ensure_ascii=True)
    (ROOT / "golden.json").write_text(text + "\n", encoding="utf-8")
    samplers.write(ROOT, loaded)
    families.write(ROOT)


if __name__ == "__main__":
    main()

"""Writes the model as a diffusers folder of float16 weights, with latentd's manifest; checks that diffusers loads it."""
import argparse
import json
import os
import pathlib
import shutil
import tempfile

import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from transformers import CLIPTokenizer

import autoencoder
import text
import unet

MANIFEST = {
    "format": 1, "name": "emoji", "title": "Emoji: small drawings of single things, in five styles",
    "licence": "Apache-2.0 AND MIT AND CC-BY-4.0",
    "default": {"width": 128, "height": 128, "steps": 20, "guidance_scale": 3.0, "sampler": "ddim"},
    "steps": [4, 6, 8, 12, 16, 20, 30], "precisions": ["fp32", "bf16", "int8", "int4"],
    "sizes": {"minimum": 64, "maximum": 512, "multiple": 32},
}


def build(folder: pathlib.Path) -> StableDiffusionPipeline:
    """The pipeline from the checkpoints of `folder`; what is not there yet stays untrained."""
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    denoiser, encoder, vae = unet.create(), text.create(tokenizer), autoencoder.create()
    vae.load_state_dict(torch.load(folder / "autoencoder.pt")["average"])
    if (folder / "decoder.pt").exists():
        vae.load_state_dict(torch.load(folder / "decoder.pt")["average"])
    if (folder / "unet.pt").exists():
        state = torch.load(folder / "unet.pt")
        denoiser.load_state_dict(state["unet"])
        encoder.load_state_dict(state["text"])
        vae.register_to_config(scaling_factor=state["scale"])
    scheduler = DDIMScheduler(**unet.SCHEDULE)
    return StableDiffusionPipeline(vae=vae, text_encoder=encoder, tokenizer=tokenizer, unet=denoiser,
                                   scheduler=scheduler, safety_checker=None, feature_extractor=None,
                                   requires_safety_checker=False)


def forget_paths(folder: pathlib.Path) -> None:
    """Configurations without the paths of the machine that wrote them."""
    for path in folder.rglob("*.json"):
        if path.name in ("vocab.json",):
            continue
        value = json.loads(path.read_text())
        value = {key: item for key, item in value.items() if key != "_name_or_path"}
        path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder of the checkpoints")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="the model's folder, replaced if it exists")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    part = pathlib.Path(tempfile.mkdtemp(prefix=".export-", dir=options.out.parent))
    os.chmod(part, 0o755)
    build(options.data).to(torch.float16).save_pretrained(part)
    shutil.rmtree(part / "tokenizer")
    shutil.copytree(options.data / "tokenizer", part / "tokenizer")
    (part / "latentd.json").write_text(json.dumps(MANIFEST, indent=2))
    forget_paths(part)
    for path in part.rglob("*.safetensors"):
        path.chmod(0o644)
    StableDiffusionPipeline.from_pretrained(part, safety_checker=None, requires_safety_checker=False)
    if options.out.exists():
        old = part.with_name(part.name + "-old")
        options.out.rename(old)
        part.rename(options.out)
        shutil.rmtree(old)
    else:
        part.rename(options.out)
    size = sum(path.stat().st_size for path in options.out.rglob("*") if path.is_file())
    print(f"{options.out}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()

"""Writes one member of the family as a diffusers folder of float16 weights, with latentd's manifest.

With --int8, the denoiser's weights are those of latentd's own importer. Where there are decoders for 256 x 256 (and their encoder), they
become the member's autoencoder, the one for 128 x 128 lies beside it as `vae_128`, and `understood.txt` beside the base's tokenizer.

What has no checkpoint in --data stays as it is in the member, or in OUT/emoji. Members but the base share its text encoder, tokenizer and,
without a decoder of their own, its autoencoder by relative links.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from safetensors.torch import load_file
from transformers import CLIPTokenizer

import autoencoder
import text
import unet
from common import averaged

SHARED = {"format": 1, "family": "emoji", "licence": "Apache-2.0 AND MIT AND CC-BY-4.0",
          "sizes": {"minimum": 64, "maximum": 512, "multiple": 32}}
MANIFESTS = {
    "base": {"name": "emoji", "title": "Emoji: small drawings, in five styles",
             "default": {"width": 128, "height": 128, "steps": 20, "guidance_scale": 2.0, "sampler": "ddim"},
             "steps": [4, 6, 8, 12, 16, 20, 30], "precisions": ["fp32", "bf16", "int8", "int4"]},
    "small": {"name": "emoji-small", "title": "Emoji, half as large: one evaluation a step",
              "guidance": "distilled",
              "default": {"width": 128, "height": 128, "steps": 4, "guidance_scale": 1.0, "sampler": "ddim"},
              "steps": [1, 2, 3, 4, 6, 8], "precisions": ["fp32", "bf16", "int8", "int4"]},
    "tiny": {"name": "emoji-tiny", "title": "Emoji, the least: one evaluation a step, narrow decoder",
             "guidance": "distilled",
             "default": {"width": 128, "height": 128, "steps": 4, "guidance_scale": 1.0, "sampler": "ddim"},
             "steps": [1, 2, 3, 4, 6, 8], "precisions": ["fp32", "bf16", "int8", "int4"]},
}
DECODER = {"base": "wide", "small": "wide", "tiny": "narrow"}


def large(data: pathlib.Path, decoder: str) -> torch.nn.Module | None:
    """The autoencoder of 256 x 256 pixels, if it has been trained."""
    path = data / f"decoder-{decoder}256.pt"
    if not (path.exists() and (data / "encoder256.pt").exists()):
        return None
    vae = autoencoder.create(f"{decoder}256")
    vae.load_state_dict({**averaged(path), **{f"encoder.{key}": value for key, value in averaged(data / "encoder256.pt", "encoder.").items()}})
    return vae


def build(data: pathlib.Path, base: pathlib.Path, folder: pathlib.Path, part: pathlib.Path, member: str, few: bool) -> StableDiffusionPipeline:
    """The pipeline of `member`, which is or will be in `folder`; an autoencoder of 128 x 128 beside one of 256 x 256 goes to `part` at once."""
    tokenizer = CLIPTokenizer.from_pretrained((data if (data / "tokenizer").exists() else base) / "tokenizer")
    denoiser, encoder = unet.create(member), text.create(tokenizer)
    encoder.load_state_dict(averaged(data / "unet.pt", "text."))
    path = data / f"{'unet' if member == 'base' else member}{'-few' if few else ''}.pt"
    denoiser.load_state_dict(averaged(path, "" if few else "unet."))
    vae = autoencoder.create(DECODER[member])
    decoder, whole = data / f"decoder-{DECODER[member]}.pt", data / "autoencoder.pt"
    vae.load_state_dict(averaged(decoder) if decoder.exists() else averaged(whole) if whole.exists()
                        else load_file(old_autoencoder(folder if folder.exists() else base)))
    scale = json.loads((data / "scale.json").read_text())
    vae.register_to_config(scaling_factor=scale)
    if whole := large(data, DECODER[member]):
        vae.to(torch.float16).save_pretrained(part / "vae_128")
        vae = whole
        vae.register_to_config(scaling_factor=scale)
    return StableDiffusionPipeline(vae=vae, text_encoder=encoder, tokenizer=tokenizer, unet=denoiser,
                                   scheduler=DDIMScheduler(**unet.SCHEDULE), safety_checker=None,
                                   feature_extractor=None, requires_safety_checker=False)


def old_autoencoder(folder: pathlib.Path) -> pathlib.Path:
    """The weights of a member's autoencoder of 128 x 128."""
    vae = folder / "vae_128" if (folder / "vae_128").exists() else folder / "vae"
    return vae / "diffusion_pytorch_model.safetensors"


def quantize(part: pathlib.Path, latentd: pathlib.Path) -> None:
    """Puts int8 weights of `latentd import` in the place of the denoiser's, and what the manifest has to say of them."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([latentd, "import", part, "--precision", "int8", "--name", "member", "--output", folder], check=True)
        imported = pathlib.Path(folder) / "member"
        manifest = json.loads((imported / "latentd.json").read_text())
        quantization = manifest["quantization"]
        quantization["components"] = {"unet": quantization["components"]["unet"]}
        own = json.loads((part / "latentd.json").read_text())
        quantization["source"]["name"] = own["name"]
        own |= {"precisions": manifest["precisions"], "quantization": quantization}
        (part / "latentd.json").write_text(json.dumps(own, indent=2) + "\n")
        shutil.rmtree(part / "unet")
        shutil.copytree(imported / "unet", part / "unet")


def forget_paths(folder: pathlib.Path) -> None:
    """Configurations without the paths of the machine that wrote them."""
    for path in folder.rglob("*.json"):
        if path.name != "vocab.json":
            value = json.loads(path.read_text())
            value.pop("_name_or_path", None)
            path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder of the checkpoints")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="the folder of models; a member there is replaced")
    parser.add_argument("--member", choices=MANIFESTS, required=True)
    parser.add_argument("--few", action="store_true", help="the few-step student")
    parser.add_argument("--int8", type=pathlib.Path, metavar="LATENTD", help="round the denoiser's weights with this program")
    options = parser.parse_args()
    manifest = {**SHARED, **MANIFESTS[options.member]}
    folder, base, part = (options.out.resolve() / name for name in (manifest["name"], "emoji", f"{manifest['name']}.part"))
    shutil.rmtree(part, ignore_errors=True)
    build(options.data, base, folder, part, options.member, options.few).to(torch.float16).save_pretrained(part)
    if options.member == "base":
        shutil.rmtree(part / "tokenizer")
        shutil.copytree(options.data / "tokenizer", part / "tokenizer")
        if (options.data / "understood.txt").exists():
            shutil.copy(options.data / "understood.txt", part)
    else:
        wide = ["vae"] + ["vae_128"] * (part / "vae_128").exists() if DECODER[options.member] == "wide" else []
        for name in ["text_encoder", "tokenizer", *wide]:
            shutil.rmtree(part / name)
            (part / name).symlink_to(pathlib.Path("..", "emoji", name))
    if (part / "vae_128").exists():
        manifest["default"] = {**manifest["default"], "width": 256, "height": 256}
        manifest["sizes"] = {"minimum": 128, "maximum": 1024, "multiple": 64}
    (part / "latentd.json").write_text(json.dumps(manifest, indent=2) + "\n")
    forget_paths(part)
    for path in part.rglob("*.safetensors"):
        path.chmod(0o644)
    os.chmod(part, 0o755)
    StableDiffusionPipeline.from_pretrained(part, safety_checker=None, requires_safety_checker=False)
    if options.int8:
        quantize(part, options.int8)
    if folder.exists():
        shutil.rmtree(folder)
    part.rename(folder)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and folder in path.resolve().parents)
    print(f"{folder}: {size / 1e6:.1f} MB of its own")


if __name__ == "__main__":
    main()

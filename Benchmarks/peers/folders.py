"""Model folders of the real sizes with random weights: speed does not depend on the numbers."""

import json
import pathlib
import sys

import safetensors.torch
import torch
from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

_FIXTURES = pathlib.Path(__file__).resolve().parents[2] / "Tests" / "Fixtures"
sys.path.insert(0, str(_FIXTURES))
from generator import bpe  # noqa: E402

_CROSS_DOWN, _CROSS_UP = "CrossAttnDownBlock2D", "CrossAttnUpBlock2D"

UNETS = {
    "sd15": {
        "block_out_channels": [320, 640, 1280, 1280],
        "down_block_types": [_CROSS_DOWN, _CROSS_DOWN, _CROSS_DOWN, "DownBlock2D"],
        "up_block_types": ["UpBlock2D", _CROSS_UP, _CROSS_UP, _CROSS_UP],
        "layers_per_block": 2,
    },
    "bk-sdm-tiny": {
        "block_out_channels": [320, 640, 1280],
        "down_block_types": [_CROSS_DOWN] * 3,
        "mid_block_type": None,
        "up_block_types": [_CROSS_UP] * 3,
        "layers_per_block": 1,
    },
}
_UNET = {
    "_class_name": "UNet2DConditionModel",
    "attention_head_dim": 8,
    "cross_attention_dim": 768,
    "in_channels": 4,
    "out_channels": 4,
    "sample_size": 64,
}
_KL = {
    "_class_name": "AutoencoderKL",
    "block_out_channels": [128, 256, 512, 512],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "latent_channels": 4,
    "layers_per_block": 2,
    "scaling_factor": 0.18215,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
}
_TINY = {"_class_name": "AutoencoderTiny", "latent_channels": 4}
_TEXT = {
    "architectures": ["CLIPTextModel"],
    "eos_token_id": 2,
    "hidden_act": "quick_gelu",
    "hidden_size": 768,
    "intermediate_size": 3072,
    "max_position_embeddings": 77,
    "model_type": "clip_text_model",
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "vocab_size": 49408,
}
_SCHEDULER = {
    "_class_name": "DDIMScheduler",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}


def write(root, name, vae):
    """Makes `root/name-vae` (vae is "kl" or "taesd") unless it is there; returns it."""
    folder = root / f"{name}-{vae}"
    if (folder / "model_index.json").exists():
        return folder
    vae_config = {"kl": _KL, "taesd": _TINY}[vae]
    unet = UNet2DConditionModel.from_config(_UNET | UNETS[name])
    _save(folder / "unet", _UNET | UNETS[name], "diffusion_pytorch_model", unet.state_dict())
    decoder = (AutoencoderKL if vae == "kl" else AutoencoderTiny).from_config(vae_config)
    _save(folder / "vae", vae_config, "diffusion_pytorch_model", decoder.state_dict())
    text = CLIPTextModel(CLIPTextConfig(**_TEXT)).state_dict()
    text = {f"text_model.{key.removeprefix('text_model.')}": value for key, value in text.items()}
    _save(folder / "text_encoder", _TEXT, "model", {k: v for k, v in text.items() if v.is_floating_point()})
    bpe.write(folder / "tokenizer", *bpe.learn(254), 77, bpe.END)
    (folder / "scheduler").mkdir(exist_ok=True)
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(_SCHEDULER))
    index = {
        "_class_name": "StableDiffusionPipeline",
        "scheduler": ["diffusers", "DDIMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", vae_config["_class_name"]],
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def _save(folder, configuration, stem, tensors):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(configuration))
    halves = {name: tensor.to(torch.float16).contiguous() for name, tensor in tensors.items()}
    safetensors.torch.save_file(halves, folder / f"{stem}.safetensors", {"format": "pt"})


def load(folder, name, type):
    """One network of a folder, in `type`: "text", "unet" or "decode"."""
    if name == "text":
        return CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=type).eval()
    if name == "unet":
        return UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=type).eval()
    kind = json.loads((folder / "vae" / "config.json").read_text())["_class_name"]
    vae = {"AutoencoderKL": AutoencoderKL, "AutoencoderTiny": AutoencoderTiny}[kind]
    return vae.from_pretrained(folder / "vae", torch_dtype=type).eval()

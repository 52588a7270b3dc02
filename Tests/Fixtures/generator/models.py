"""Writes the tiny models as diffusers folders, and loads them back as the reference does."""

import json

import safetensors.torch
import torch
from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from . import bpe
from .specifications import SPECIFICATIONS

_AUTOENCODERS = {"AutoencoderKL": AutoencoderKL, "AutoencoderTiny": AutoencoderTiny}
_OLD_NAMES = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def write_all(root):
    vocabulary, merges = bpe.learn(254)
    for number, (name, specification) in enumerate(SPECIFICATIONS.items()):
        _write(root / name, specification, vocabulary, merges, seed=1000 + number)


def _write(folder, specification, vocabulary, merges, seed):
    types = _storage_types(specification["type"])
    limit = specification.get("shard_bytes")

    unet = UNet2DConditionModel.from_config(specification["unet"])
    tensors = random_weights(unet, seed)
    write_component(folder / "unet", specification["unet"], "diffusion_pytorch_model", tensors, types, limit)

    configuration = specification["vae"]
    vae = _AUTOENCODERS[configuration["_class_name"]].from_config(configuration)
    tensors = random_weights(vae, seed + 100)
    calm_output(vae, tensors)
    if specification.get("old_attention_names"):
        tensors = {_with_old_name(name): tensor for name, tensor in tensors.items()}
    write_component(folder / "vae", configuration, "diffusion_pytorch_model", tensors, types, limit)

    configuration = specification["text"]
    text = CLIPTextModel(CLIPTextConfig(**configuration))
    tensors = random_weights(text, seed + 200)
    tensors = {f"text_model.{name.removeprefix('text_model.')}": tensor for name, tensor in tensors.items()}
    if specification.get("position_ids"):
        tensors["text_model.embeddings.position_ids"] = torch.arange(configuration["max_position_embeddings"])[None]
    write_component(folder / "text_encoder", configuration, "model", tensors, types, limit)

    length = configuration["max_position_embeddings"]
    bpe.write(folder / "tokenizer", vocabulary, merges, length, specification["padding"])
    write_json(folder / "scheduler" / "scheduler_config.json", specification["scheduler"])
    index = {
        "_class_name": "StableDiffusionPipeline",
        "_diffusers_version": "0.6.0",
        "feature_extractor": [None, None],
        "safety_checker": [None, None],
        "scheduler": ["diffusers", specification["scheduler"]["_class_name"]],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", specification["vae"]["_class_name"]],
    }
    write_json(folder / "model_index.json", index)


def random_weights(module, seed):
    """Weights that keep activations near unit variance, so that an error anywhere shows in the result."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, parameter in sorted(module.state_dict().items()):
        if not parameter.is_floating_point():
            continue
        noise = torch.randn(parameter.shape, generator=generator)
        if "token_embedding" in name or "position_embedding" in name:
            value = noise * 0.7
        elif parameter.ndim >= 2:
            value = noise / parameter[0].numel() ** 0.5
        elif "norm" in name and name.endswith("weight"):
            value = 1 + 0.2 * noise
        else:
            value = 0.1 * noise
        tensors[name] = value
    return tensors


def calm_output(vae, tensors):
    """Keeps the picture between black and white, where every sample tells something."""
    *_, weight = (name for name in vae.state_dict() if name.startswith("decoder.") and tensors[name].ndim == 4)
    tensors[weight] *= 0.3
    if isinstance(vae, AutoencoderTiny):
        tensors[weight.replace("weight", "bias")] += 0.5


def _with_old_name(name):
    if ".attentions." in name:
        for new, old in _OLD_NAMES.items():
            name = name.replace(f".{new}.", f".{old}.")
    return name


def _storage_types(type):
    """Tensor number -> the type that it is stored in; None stands for a mixture."""
    mixture = [torch.float32, torch.float16, torch.bfloat16]
    return (lambda number: mixture[number % 3]) if type is None else (lambda number: type)


def write_component(folder, configuration, stem, tensors, types, shard_bytes):
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", configuration)
    stored = {
        name: tensor.to(types(number)).contiguous() if tensor.is_floating_point() else tensor
        for number, (name, tensor) in enumerate(sorted(tensors.items()))
    }
    shards = [{}]
    for name, tensor in stored.items():
        if shard_bytes and sum(t.nbytes for t in shards[-1].values()) + tensor.nbytes > shard_bytes and shards[-1]:
            shards.append({})
        shards[-1][name] = tensor
    metadata = {"format": "pt"}
    if shard_bytes is None:
        safetensors.torch.save_file(stored, folder / f"{stem}.safetensors", metadata)
        return
    weight_map = {}
    for number, shard in enumerate(shards, 1):
        file = f"{stem}-{number:05}-of-{len(shards):05}.safetensors"
        safetensors.torch.save_file(shard, folder / file, metadata)
        weight_map |= {name: file for name in shard}
    total = sum(tensor.nbytes for tensor in stored.values())
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    write_json(folder / f"{stem}.safetensors.index.json", index)


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def load(folder):
    """The reference's own view of a folder, in fp32: (tokenizer, text encoder, unet, vae)."""
    kind = json.loads((folder / "vae" / "config.json").read_text())["_class_name"]
    text, report = CLIPTextModel.from_pretrained(
        folder / "text_encoder", dtype=torch.float32, output_loading_info=True
    )
    assert not report["missing_keys"], report
    # This diffusers looks for the final norm of `clip_skip` under a name that this transformers no longer has.
    object.__setattr__(text, "text_model", text)
    unet = UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32)
    vae = _AUTOENCODERS[kind].from_pretrained(folder / "vae", torch_dtype=torch.float32)
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    return tokenizer, text.eval(), unet.eval(), vae.eval()

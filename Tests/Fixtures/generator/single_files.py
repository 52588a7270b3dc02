"""Tiny models as one file in the layout of their first publication, beside folders of configurations without weights.

The file's names are made here from diffusers' names, and diffusers itself reads the file back: its weights must be the folder's.
"""

import json
import shutil
import types

import safetensors.torch
import torch
from diffusers.loaders.single_file_utils import (
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
    convert_open_clip_checkpoint,
)

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_TOP = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "mid_block.resnets.0": "middle_block.0",
    "mid_block.attentions.0": "middle_block.1",
    "mid_block.resnets.1": "middle_block.2",
}
_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
_OPEN_CLIP = {
    "self_attn.out_proj": "attn.out_proj",
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
}


def write(root, models):
    """models: folder name -> (the folder with weights, whether its second text encoder is there)."""
    shutil.rmtree(root, ignore_errors=True)
    for name, (folder, is_xl) in models.items():
        target = root / name
        target.mkdir(parents=True)
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file.suffix != ".safetensors" and not file.name.endswith(".index.json"):
                place = target / file.relative_to(folder)
                place.parent.mkdir(exist_ok=True)
                shutil.copy(file, place)
        tensors = _checkpoint(folder, is_xl)
        file = target / f"{name}.safetensors"
        safetensors.torch.save_file(tensors, file, {"format": "pt"})
        _check(file, target, folder, is_xl)


def _read(folder):
    tensors = {}
    for file in sorted(folder.glob("*.safetensors")):
        tensors |= safetensors.torch.load_file(file)
    return tensors


def _checkpoint(folder, is_xl):
    config = json.loads((folder / "unet" / "config.json").read_text())
    unet = {f"model.diffusion_model.{_unet(name, config)}": value for name, value in _read(folder / "unet").items()}
    levels = len(json.loads((folder / "vae" / "config.json").read_text())["block_out_channels"])
    vae = {}
    for name, value in _read(folder / "vae").items():
        old = _vae(name, levels)
        # The published autoencoders' attention is made of 1x1 convolutions.
        is_projection = ".attn_1." in old and value.ndim == 2
        vae[f"first_stage_model.{old}"] = value[:, :, None, None].contiguous() if is_projection else value
    first = "conditioner.embedders.0.transformer." if is_xl else "cond_stage_model.transformer."
    text = {first + name: value for name, value in _read(folder / "text_encoder").items()}
    if is_xl:
        second = _open_clip(_read(folder / "text_encoder_2"))
        text |= {f"conditioner.embedders.1.model.{name}": value for name, value in second.items()}
    return unet | vae | text


def _unet(name, config):
    for new, old in _TOP.items():
        if name.startswith(f"{new}."):
            return old + "." + _inner(name[len(new) + 1 :])
    kind, level, part, index, rest = name.split(".", 4)
    level, index = int(level), int(index)
    layers = config["layers_per_block"]
    levels = len(config["block_out_channels"])
    if kind == "down_blocks":
        block = 1 + level * (layers + 1) + index
        if part == "downsamplers":
            return f"input_blocks.{1 + level * (layers + 1) + layers}.0.op." + rest.removeprefix("conv.")
        return f"input_blocks.{block}.{0 if part == 'resnets' else 1}." + _inner(rest)
    if part == "upsamplers":
        attends = config["up_block_types"][level].startswith("CrossAttn")
        return f"output_blocks.{level * (layers + 1) + layers}.{2 if attends else 1}." + rest
    assert kind == "up_blocks" and level < levels
    return f"output_blocks.{level * (layers + 1) + index}.{0 if part == 'resnets' else 1}." + _inner(rest)


def _inner(rest):
    head, _, tail = rest.partition(".")
    return f"{_RESNET[head]}.{tail}" if head in _RESNET else rest


def _vae(name, levels):
    name = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
    name = name.replace("mid_block.resnets.0", "mid.block_1").replace("mid_block.resnets.1", "mid.block_2")
    name = name.replace("mid_block.attentions.0", "mid.attn_1")
    if ".attn_1." in name:
        for new, old in _ATTENTION.items():
            name = name.replace(f".{new}.", f".{old}.")
    parts = name.split(".")
    if parts[1:2] == ["down_blocks"]:
        parts[1] = "down"
    elif parts[1:2] == ["up_blocks"]:
        parts[1:3] = ["up", str(levels - 1 - int(parts[2]))]
    else:
        return name
    if parts[3] == "resnets":
        parts[3] = "block"
    else:
        parts[3:5] = [parts[3].removesuffix("rs")]
    return ".".join(parts)


def _open_clip(tensors):
    tensors = {name.removeprefix("text_model."): value for name, value in tensors.items()}
    result = {
        "positional_embedding": tensors["embeddings.position_embedding.weight"],
        "token_embedding.weight": tensors["embeddings.token_embedding.weight"],
        "ln_final.weight": tensors["final_layer_norm.weight"],
        "ln_final.bias": tensors["final_layer_norm.bias"],
        "logit_scale": torch.tensor(4.6),
        "text_projection": tensors["text_projection.weight"].T.contiguous(),
    }
    layers = 1 + max(int(name.split(".")[2]) for name in tensors if name.startswith("encoder.layers."))
    for layer in range(layers):
        own, old = f"encoder.layers.{layer}", f"transformer.resblocks.{layer}"
        for kind in ("weight", "bias"):
            parts = [tensors[f"{own}.self_attn.{part}_proj.{kind}"] for part in "qkv"]
            result[f"{old}.attn.in_proj_{kind}"] = torch.cat(parts)
            for new, name in _OPEN_CLIP.items():
                result[f"{old}.{name}.{kind}"] = tensors[f"{own}.{new}.{kind}"]
    return result


def _check(file, configurations, folder, is_xl):
    """diffusers reads the file back, and finds the folder's weights."""
    checkpoint = safetensors.torch.load_file(file)
    for convert, component in ((convert_ldm_unet_checkpoint, "unet"), (convert_ldm_vae_checkpoint, "vae")):
        config = json.loads((configurations / component / "config.json").read_text())
        _require_equal(convert(dict(checkpoint), config), _read(folder / component), component)
    if is_xl:
        tensors = _read(folder / "text_encoder_2")
        model = types.SimpleNamespace(
            config=types.SimpleNamespace(projection_dim=tensors["text_projection.weight"].shape[0])
        )
        state = convert_open_clip_checkpoint(model, checkpoint, prefix="conditioner.embedders.1.model.")
        _require_equal(state, tensors, "text_encoder_2")


def _require_equal(found, expected, component):
    for name, value in expected.items():
        other = found.get(name)
        assert other is not None, f"{component}: diffusers does not find {name}"
        assert torch.equal(other.float().flatten(), value.float().flatten()), f"{component}: {name}"

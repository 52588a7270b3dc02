"""Writes LoRAs for a tiny model, in every spelling that is read, and the weights after diffusers and peft merged them."""

import re

import safetensors.torch
import torch
from diffusers import StableDiffusionPipeline
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict

from . import models

_UNET = [
    "down_blocks.0.attentions.0.proj_in",
    "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q",
    "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_out.0",
    "down_blocks.0.resnets.0.conv1",
    "down_blocks.0.resnets.0.time_emb_proj",
    "mid_block.attentions.0.transformer_blocks.0.ff.net.0.proj",
    "up_blocks.0.resnets.0.conv_shortcut",
]
_TEXT = ["layers.0.self_attn.q_proj", "layers.1.mlp.fc1"]

# name, type, rank, alpha, the alpha of some layers, whether the scale has the root of the rank, scale at the merge
LORAS = [
    {"name": "diffusers", "type": torch.float32, "rank": 4, "alpha": 6, "pattern": {"to_q": 3}, "root": True, "scale": 1},
    {"name": "peft", "type": torch.float16, "rank": 2, "alpha": 2, "pattern": {}, "root": False, "scale": 0.75},
    {"name": "kohya", "type": torch.bfloat16, "rank": 3, "alpha": 1.5, "pattern": {}, "root": False, "scale": -0.5},
]


def write(root, model):
    """Files `NAME.safetensors` and the merged weights, `NAME.merged.safetensors`; their lines of the index."""
    root.mkdir(parents=True)
    return [_write(root, model, lora, seed) for seed, lora in enumerate(LORAS, 300)]


def _write(root, model, lora, seed):
    name = lora["name"]
    torch.manual_seed(seed)
    states, configurations = _random_states(model, lora)
    file = root / f"{name}.safetensors"
    if name == "diffusers":
        StableDiffusionPipeline.save_lora_weights(
            root,
            unet_lora_layers=_as_diffusers(states["unet"], "lora"),
            text_encoder_lora_layers=_as_diffusers(states["text_encoder"], "lora_linear_layer"),
            weight_name=file.name,
            unet_lora_adapter_metadata=configurations["unet"],
            text_encoder_lora_adapter_metadata=configurations["text_encoder"],
        )
    else:
        spell = _as_kohya if name == "kohya" else _as_peft
        tensors = {}
        for component, state in states.items():
            for key, tensor in state.items():
                tensors |= spell(component, key, tensor.to(lora["type"]), lora)
        safetensors.torch.save_file(tensors, file)
    merged = _merged(model, file, lora)
    safetensors.torch.save_file(merged, root / f"{name}.merged.safetensors")
    return {"name": name, "model": model.name, "scale": lora["scale"], "tensors": len(merged)}


def _random_states(model, lora):
    _, text, unet, _ = models.load(model)
    states, configurations = {}, {}
    for component, module, targets in [("unet", unet, _UNET), ("text_encoder", text, _TEXT)]:
        configuration = LoraConfig(
            r=lora["rank"],
            lora_alpha=lora["alpha"],
            alpha_pattern=lora["pattern"],
            use_rslora=lora["root"],
            target_modules=targets,
            init_lora_weights=False,
        )
        module.add_adapter(configuration)
        state = get_peft_model_state_dict(module)
        states[component] = {key: 0.3 * torch.randn(tensor.shape) for key, tensor in sorted(state.items())}
        fields = module.peft_config["default"].to_dict()
        configurations[component] = {key: fields[key] for key in ("r", "lora_alpha", "alpha_pattern", "use_rslora")}
        configurations[component]["target_modules"] = sorted(targets)
    return states, configurations


def _as_diffusers(state, word):
    halves = {"lora_A": f"{word}.down", "lora_B": f"{word}.up"}
    return {re.sub("lora_[AB]", lambda half: halves[half[0]], key): tensor for key, tensor in state.items()}


def _as_peft(component, key, tensor, lora):
    return {f"{component}.{key}": tensor.contiguous()}


def _as_kohya(component, key, tensor, lora):
    layer, half = re.fullmatch(r"(.*)\.lora_([AB])\.weight", key).groups()
    prefix = "lora_te_text_model_" if component == "text_encoder" else "lora_unet_"
    layer = prefix + layer.removeprefix("text_model.").replace(".", "_")
    return {
        f"{layer}.lora_{'down' if half == 'A' else 'up'}.weight": tensor.contiguous(),
        f"{layer}.alpha": torch.tensor(lora["alpha"], dtype=lora["type"]),
    }


def _merged(model, file, lora):
    """Every weight that the LoRA changes, as the reference's own loader and merge have it."""
    tokenizer, text, unet, vae = models.load(model)
    before = _weights(unet, text)
    pipeline = StableDiffusionPipeline(
        vae, text, tokenizer, unet, scheduler=None, safety_checker=None, feature_extractor=None
    )
    tensors = safetensors.torch.load_file(file)
    # This diffusers does not find this transformers' text encoder under kohya's names.
    theirs = {key: tensor for key, tensor in tensors.items() if not key.startswith("lora_te_")}
    pipeline.load_lora_weights(file.parent if len(theirs) == len(tensors) else theirs, weight_name=file.name)
    pipeline.fuse_lora(lora_scale=lora["scale"])
    pipeline.unload_lora_weights()
    after = _weights(unet, text)
    assert before.keys() == after.keys()
    for key in before:
        layer = key.replace("text_encoder/", "lora_te_").replace(".", "_").removesuffix("_weight")
        if f"{layer}.alpha" in tensors:
            down, up, alpha = (tensors[f"{layer}.{part}"].float() for part in ("lora_down.weight", "lora_up.weight", "alpha"))
            after[key] = before[key] + lora["scale"] * alpha / len(down) * (up @ down)
    return {key: tensor for key, tensor in after.items() if not torch.equal(tensor, before[key])}


def _weights(unet, text):
    weights = {f"unet/{key}": tensor.clone() for key, tensor in unet.state_dict().items()}
    for key, tensor in text.state_dict().items():
        weights[f"text_encoder/text_model.{key.removeprefix('text_model.')}"] = tensor.clone()
    return weights

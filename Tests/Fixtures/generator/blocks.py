"""Golden tensors of every block: one call of each component of each model, with random inputs."""

import re

import safetensors.torch
import torch

#: Paths whose outputs are kept. They are where latentd's own layers begin and end.
_UNET = re.compile(
    r"time_embedding|conv_in|conv_out|mid_block\.(resnets|attentions)\.\d+"
    r"|(down|up)_blocks\.\d+\.(resnets|attentions|downsamplers|upsamplers)\.\d+"
)
_TEXT = re.compile(r"embeddings|encoder\.layers\.\d+|final_layer_norm")
_KL = re.compile(
    r"post_quant_conv|decoder\.(conv_in|conv_out|mid_block\.(resnets|attentions)\.\d+"
    r"|up_blocks\.\d+\.(resnets|upsamplers)\.\d+)"
)
_TINY = re.compile(r"decoder\.layers\.\d+")

#: [height, width] of the latents: small and odd, so that every resampling has to round.
_UNET_SIZE = (9, 7)
_DECODER_SIZE = (2, 3)


@torch.no_grad()
def write(path, name, components, seed):
    """Writes the inputs as `unet.in.*` and so on, the outputs under their module's path; returns the index entry."""
    tokenizer, text, unet, vae = components
    generator = torch.Generator().manual_seed(seed)
    tensors = {}

    prompts = ["a small green house in the snow", "don't panic! 42 cats, <|endoftext|> naïve"]
    ids = tokenizer(
        prompts, padding="max_length", max_length=tokenizer.model_max_length, truncation=True, return_tensors="pt"
    ).input_ids
    tensors["text.in.ids"] = ids.to(torch.int32)
    with _Recording(text, _TEXT, "text.out.", tensors):
        result = text(ids)
    tensors["text.out.pooled"] = result.pooler_output

    sample = torch.randn(2, 4, *_UNET_SIZE, generator=generator)
    timestep = 1 + 998 * torch.rand((), generator=generator).item()
    condition = None
    tensors["unet.in.sample"] = sample
    tensors["unet.in.timestep"] = torch.tensor([timestep], dtype=torch.float32)
    tensors["unet.in.context"] = result.last_hidden_state
    if unet.config.time_cond_proj_dim:
        condition = torch.randn(2, unet.config.time_cond_proj_dim, generator=generator)
        tensors["unet.in.condition"] = condition
    with _Recording(unet, _UNET, "unet.out.", tensors):
        unet(sample, tensors["unet.in.timestep"][0], result.last_hidden_state, timestep_cond=condition)

    latents = torch.randn(1, 4, *_DECODER_SIZE, generator=generator)
    tensors["vae.in.latents"] = latents
    tiny = vae.config._class_name == "AutoencoderTiny"
    with _Recording(vae, _TINY if tiny else _KL, "vae.out.", tensors):
        image = vae.decode(latents).sample
    if tiny:
        _keep_fusable_outputs(vae, tensors)
    tensors["vae.out.decoder"] = image

    safetensors.torch.save_file({key: value.contiguous() for key, value in tensors.items()}, path)
    return {"model": name, "file": f"{path.parent.name}/{path.name}", "outputs": _outputs(tensors)}


def _keep_fusable_outputs(vae, tensors):
    """Drops what a fused layer never has in memory: the first convolution, upsamplings, the unscaled result."""
    layers = vae.decoder.layers
    last = len(layers) - 1
    for number, layer in enumerate(layers):
        if number in (0, last) or isinstance(layer, torch.nn.Upsample):
            del tensors[f"vae.out.decoder.layers.{number}"]


def _outputs(tensors):
    """Every output with its spread: a reader of the index sees that no block is dead or saturated."""
    return {
        key: round(value.float().std().item(), 4) for key, value in sorted(tensors.items()) if ".out." in key
    }


class _Recording:
    """Copies the output of each module whose whole path matches, while it is entered."""

    def __init__(self, module, pattern, prefix, tensors):
        self._targets = {path: child for path, child in module.named_modules() if pattern.fullmatch(path)}
        self._prefix, self._tensors, self._handles = prefix, tensors, []

    def __enter__(self):
        for path, child in self._targets.items():
            self._handles.append(child.register_forward_hook(self._hook(path)))

    def _hook(self, path):
        def record(_module, _inputs, output):
            value = output if torch.is_tensor(output) else output[0]
            self._tensors[self._prefix + path] = value.detach().clone()

        return record

    def __exit__(self, *_):
        for handle in self._handles:
            handle.remove()

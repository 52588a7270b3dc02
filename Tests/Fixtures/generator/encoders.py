"""Golden tensors of the encoders: pixels to latents, block by block."""

import re

import safetensors.torch
import torch

from .blocks import _Recording, _outputs

_KL = re.compile(
    r"quant_conv|encoder\.(conv_in|conv_out|mid_block\.(resnets|attentions)\.\d+"
    r"|down_blocks\.\d+\.(resnets|downsamplers)\.\d+)"
)
_TINY = re.compile(r"encoder\.layers\.\d+")

#: [height, width] of the picture: not square, and odd at the coarsest level.
_SIZE = (40, 24)


@torch.no_grad()
def write(path, name, vae, seed):
    """Writes the picture as `vae.in.image`, the outputs under their module's path, `mean` and `log_variance` (one alone of
    them where the latents are no distribution); returns the index entry."""
    image = torch.rand(1, 3, *_SIZE, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    tensors = {"vae.in.image": image}
    tiny = vae.config._class_name == "AutoencoderTiny"
    with _Recording(vae, _TINY if tiny else _KL, "vae.out.", tensors):
        encoded = vae.encode(image)
    if tiny:
        tensors["mean"] = encoded.latents
    else:
        tensors["mean"], tensors["log_variance"] = encoded.latent_dist.mean, encoded.latent_dist.logvar
    safetensors.torch.save_file({key: value.contiguous() for key, value in tensors.items()}, path)
    return {"model": name, "file": f"{path.parent.name}/{path.name}", "outputs": _outputs(tensors)}

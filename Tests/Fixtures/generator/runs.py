"""Golden tensors of whole runs: diffusers' pipeline with torch's random numbers, in the form of `latentd render --dump`.

A job's sampler is what people do to a pipeline: `pipe.scheduler = Class.from_config(pipe.scheduler.config)`.
"""

import safetensors.torch
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DEISMultistepScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
    LCMScheduler,
    LMSDiscreteScheduler,
    PNDMScheduler,
    StableDiffusionPipeline,
    TCDScheduler,
    UniPCMultistepScheduler,
)

#: A job's sampler -> diffusers' class and the settings that the name implies.
SAMPLERS = {
    "ddim": (DDIMScheduler, {}),
    "euler": (EulerDiscreteScheduler, {}),
    "euler-a": (EulerAncestralDiscreteScheduler, {}),
    "dpm++2m": (DPMSolverMultistepScheduler, {}),
    "dpm++2m-karras": (DPMSolverMultistepScheduler, {"use_karras_sigmas": True}),
    "lcm": (LCMScheduler, {}),
    "pndm": (PNDMScheduler, {}),
    "ddpm": (DDPMScheduler, {}),
    "unipc": (UniPCMultistepScheduler, {}),
    "deis": (DEISMultistepScheduler, {}),
    "heun": (HeunDiscreteScheduler, {}),
    "lms": (LMSDiscreteScheduler, {}),
    "tcd": (TCDScheduler, {}),
}

_CAT = "a photo of a grinning cat with heart eyes"
_HOUSE = "a small green house in the snow, fluent 3d style"
_LONG = "highly detailed portrait of an old sailor smoking a pipe, " * 8


def _run(model, sampler, steps, scale, width, height, seed, prompt=_CAT, negative="", clip_skip=None):
    return {
        "model": model,
        "sampler": sampler,
        "steps": steps,
        "guidance_scale": scale,
        "width": width,
        "height": height,
        "seed": seed,
        "prompt": prompt,
        "negative_prompt": negative,
        "clip_skip": clip_skip,
    }


RUNS = [
    _run("sd1", "ddim", 4, 7.5, 56, 40, 1, negative="blurry, low quality"),
    _run("sd1", "ddim", 3, 1.0, 40, 40, 2, _HOUSE),
    _run("sd1", "ddim", 2, 5.0, 40, 24, 3, _HOUSE, "watermark", clip_skip=1),
    _run("sd1", "euler", 4, 7.5, 40, 56, 4, _LONG),
    _run("sd1", "euler-a", 4, 7.5, 48, 40, 5),
    _run("sd1", "dpm++2m", 5, 7.5, 40, 40, 6, negative="blurry"),
    _run("sd1", "dpm++2m-karras", 6, 7.5, 40, 32, 7, _HOUSE),
    _run("sd1", "lcm", 4, 1.0, 40, 40, 8),
    _run("sd1", "euler", 1, 7.5, 8, 8, 9),
    _run("sd2", "ddim", 4, 5.0, 40, 56, 10),
    _run("sd2", "euler", 4, 5.0, 40, 40, 11, _HOUSE, "blurry"),
    _run("sd2", "euler-a", 3, 5.0, 40, 40, 12),
    _run("sd2", "dpm++2m", 4, 5.0, 56, 40, 13, _LONG),
    _run("sd2", "dpm++2m-karras", 16, 5.0, 40, 32, 14),
    _run("pruned", "ddim", 3, 7.5, 40, 40, 15),
    _run("pruned", "euler", 4, 3.0, 72, 40, 2**40 + 16, _HOUSE),
    _run("pruned", "euler-a", 4, 1.0, 40, 40, 17, ""),
    _run("pruned", "dpm++2m", 16, 7.5, 24, 32, 18),
    _run("pruned", "dpm++2m-karras", 4, 7.5, 40, 40, 2**64 - 1),
    _run("lcm", "lcm", 4, 8.0, 40, 40, 20),
    _run("lcm", "lcm", 1, 8.0, 40, 24, 21, _HOUSE),
    _run("lcm", "lcm", 8, 1.0, 24, 24, 22, _HOUSE),
    _run("lcm", "euler", 3, 2.0, 24, 24, 23),
    _run("tiny", "ddim", 5, 4.0, 40, 40, 24),
    _run("tiny", "ddim", 3, 1.0, 40, 56, 25, _HOUSE),
    _run("tiny", "euler", 4, 4.0, 40, 40, 26, negative="blurry"),
    _run("tiny", "euler-a", 4, 4.0, 40, 40, 27),
    _run("tiny", "dpm++2m", 5, 4.0, 40, 40, 28),
    _run("tiny", "dpm++2m-karras", 5, 4.0, 40, 40, 29),
    _run("tiny", "lcm", 2, 1.0, 40, 40, 30),
    _run("odd", "ddim", 3, 3.0, 40, 56, 31, _LONG),
    _run("odd", "euler", 4, 3.0, 56, 40, 32),
    _run("odd", "euler-a", 3, 3.0, 40, 40, 33),
    _run("odd", "dpm++2m", 4, 3.0, 24, 40, 34, _HOUSE),
    _run("odd", "lcm", 3, 1.0, 40, 40, 35),
]


@torch.no_grad()
def write(path, run, folder, components):
    """Runs once and writes input_ids, text_embeddings, noise, latents.1 ..., image; returns the index entry."""
    tokenizer, text, unet, vae = components
    pipeline = StableDiffusionPipeline.from_pretrained(
        folder, tokenizer=tokenizer, text_encoder=text, unet=unet, vae=vae, safety_checker=None
    )
    kind, settings = SAMPLERS[run["sampler"]]
    if settings or type(pipeline.scheduler) is not kind:
        pipeline.scheduler = kind.from_config(pipeline.scheduler.config, **settings)
    pipeline.set_progress_bar_config(disable=True)
    noise = torch.randn((1, 4, run["height"] // 8, run["width"] // 8), generator=_generator(run))
    tensors = {"noise": noise, **_denoise(pipeline, run, noise)}
    _require_calm(run, tensors, _denoise(pipeline, run, noise * (1 + 1e-6 * torch.randn_like(noise))))
    last = max(int(name[8:]) for name in tensors if name.startswith("latents."))
    latents = tensors[f"latents.{last}"]
    tensors["image"] = vae.decode(latents / vae.config.scaling_factor).sample
    prompts = [run["prompt"]]
    if tensors["text_embeddings"].shape[0] == 2:
        prompts.insert(0, run["negative_prompt"])
    length = tokenizer.model_max_length
    ids = tokenizer(prompts, padding="max_length", max_length=length, truncation=True, return_tensors="pt").input_ids
    tensors["input_ids"] = ids.to(torch.int32)
    assert all(torch.isfinite(value).all() for value in tensors.values()), run

    safetensors.torch.save_file({key: value.contiguous() for key, value in tensors.items()}, path)
    image = tensors["image"]
    inside = round((image.abs() < 1).float().mean().item(), 3)
    return {**run, "seed": str(run["seed"]), "file": f"{path.parent.name}/{path.name}", "inside": inside, "running_steps": last}


def _denoise(pipeline, run, noise):
    """The tensors of a run from its noise to its last latents."""
    generator = _generator(run)
    torch.randn(noise.shape, generator=generator)
    tensors = {}

    def keep(_pipeline, step, _timestep, arguments):
        tensors[f"latents.{step + 1}"] = arguments["latents"].clone()
        tensors["text_embeddings"] = arguments["prompt_embeds"].clone()
        return {}

    pipeline(
        run["prompt"],
        height=run["height"],
        width=run["width"],
        num_inference_steps=run["steps"],
        guidance_scale=run["guidance_scale"],
        negative_prompt=run["negative_prompt"],
        clip_skip=run["clip_skip"],
        latents=noise,
        generator=generator,
        output_type="latent",
        callback_on_step_end=keep,
        callback_on_step_end_tensor_inputs=["latents", "prompt_embeds"],
    )
    return tensors


def _require_calm(run, tensors, disturbed):
    """A run that makes a ten-thousandth out of a millionth would measure rounding, not an engine."""
    for name, value in tensors.items():
        if name.startswith("latents."):
            change = (disturbed[name] - value).abs().max() / value.abs().max()
            assert change < 1e-4, f"{run}: {name} moves by {change:.1e} when the noise moves by 1e-6"


def _generator(run):
    return torch.Generator().manual_seed(run["seed"])


def file_name(run, number):
    return f"{number:02}-{run['model']}-{run['sampler'].replace('+', 'p')}.safetensors"

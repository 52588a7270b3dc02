"""Golden tensors of whole runs that begin with a picture: diffusers' image-to-image pipeline with torch's random numbers."""

import PIL.Image
import safetensors.torch
import torch
from diffusers import LatentConsistencyModelImg2ImgPipeline, StableDiffusionImg2ImgPipeline

from .runs import SAMPLERS, _CAT, _HOUSE, _generator, _require_calm, _run


def _image_run(model, sampler, steps, strength, *arguments, **more):
    return {**_run(model, sampler, steps, *arguments, **more), "strength": strength}


RUNS = [
    _image_run("sd1", "ddim", 5, 0.8, 7.5, 40, 56, 51, negative="blurry"),
    _image_run("sd1", "euler", 5, 0.6, 7.5, 56, 40, 52, _HOUSE),
    _image_run("sd1", "euler-a", 4, 0.5, 1.0, 40, 40, 53),
    _image_run("sd1", "dpm++2m", 6, 0.7, 5.0, 40, 40, 54),
    _image_run("sd1", "dpm++2m-karras", 16, 0.3, 5.0, 40, 32, 55),
    _image_run("sd2", "ddim", 4, 1.0, 5.0, 40, 40, 56, _HOUSE),
    _image_run("lcm", "lcm", 4, 0.8, 8.0, 40, 40, 57),
    _image_run("lcm", "lcm", 3, 0.35, 2.0, 24, 40, 58, _HOUSE),
    _image_run("tiny", "ddim", 5, 0.8, 4.0, 40, 40, 59, negative="blurry"),
    _image_run("tiny", "ddim", 3, 1.0, 1.0, 40, 24, 60),
    _image_run("tiny", "euler", 4, 0.75, 4.0, 40, 56, 61),
    _image_run("tiny", "euler-a", 4, 0.5, 4.0, 40, 40, 62),
    _image_run("tiny", "dpm++2m", 5, 0.41, 4.0, 24, 40, 63, _HOUSE),
    _image_run("tiny", "dpm++2m-karras", 5, 0.6, 4.0, 40, 40, 64),
    _image_run("tiny", "lcm", 4, 0.5, 1.0, 40, 40, 65),
    _image_run("pruned", "euler", 4, 0.8, 3.0, 40, 40, 66),
]


class _Pipeline(StableDiffusionImg2ImgPipeline):
    """With the timesteps that diffusers' pipeline for latent consistency models takes: all steps, from a lower beginning."""

    def get_timesteps(self, num_inference_steps, strength, device):
        self.scheduler.set_timesteps(num_inference_steps, strength=strength)
        return self.scheduler.timesteps, num_inference_steps


@torch.no_grad()
def write(path, run, folder, components):
    """Writes init_image (bytes, [H, W, 3]), init_latents, noise, latents.1 ... and image; returns the index entry."""
    tokenizer, text, unet, vae = components
    kind, settings = SAMPLERS[run["sampler"]]
    whole = _Pipeline if run["sampler"] == "lcm" else StableDiffusionImg2ImgPipeline
    pipeline = whole.from_pretrained(
        folder, tokenizer=tokenizer, text_encoder=text, unet=unet, vae=vae, safety_checker=None
    )
    if settings or type(pipeline.scheduler) is not kind:
        pipeline.scheduler = kind.from_config(pipeline.scheduler.config, **settings)
    pipeline.set_progress_bar_config(disable=True)
    picture = _picture(run["width"], run["height"], run["seed"])
    pixels = PIL.Image.fromarray(picture.numpy())
    tensors = _denoise(pipeline, run, pixels)
    disturbed = pipeline.image_processor.preprocess(pixels)
    disturbed = disturbed * (1 + 1e-6 * torch.randn(disturbed.shape, generator=_generator(run)))
    _require_calm(run, tensors, _denoise(pipeline, run, disturbed))
    if unet.config.time_cond_proj_dim:
        _require_own_pipeline(pipeline, run, folder, components, pixels, tensors)
    last = max(int(name[8:]) for name in tensors if name.startswith("latents."))
    tensors["image"] = vae.decode(tensors[f"latents.{last}"] / vae.config.scaling_factor).sample
    tensors["init_image"] = picture
    assert all(torch.isfinite(value).all() for value in tensors.values()), run

    safetensors.torch.save_file({key: value.contiguous() for key, value in tensors.items()}, path)
    return {**run, "seed": str(run["seed"]), "file": f"{path.parent.name}/{path.name}", "running_steps": last}


def _picture(width, height, seed):
    """Smooth and rough parts, so that every level of an encoder has something to see."""
    generator = torch.Generator().manual_seed(seed)
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    smooth = torch.stack([x * 255 / width, y * 255 / height, (x + y) * 4 % 256], dim=2)
    return (0.7 * smooth + 0.3 * 255 * torch.rand(height, width, 3, generator=generator)).to(torch.uint8)


def _denoise(pipeline, run, image):
    tensors = {}

    def keep(_pipeline, step, _timestep, arguments):
        tensors[f"latents.{step + 1}"] = arguments["latents"].clone()
        return {}

    add_noise = pipeline.scheduler.add_noise

    def keep_noise(latents, noise, timesteps):
        tensors["init_latents"], tensors["noise"] = latents.clone(), noise.clone()
        return add_noise(latents, noise, timesteps)

    pipeline.scheduler.add_noise = keep_noise
    pipeline(
        run["prompt"],
        image=image,
        strength=run["strength"],
        num_inference_steps=run["steps"],
        guidance_scale=run["guidance_scale"],
        eta=0.0,
        negative_prompt=run["negative_prompt"],
        generator=_generator(run),
        output_type="latent",
        callback_on_step_end=keep,
    )
    pipeline.scheduler.add_noise = add_noise
    return tensors


def _require_own_pipeline(pipeline, run, folder, components, pixels, tensors):
    """The same as diffusers' own pipeline for such models."""
    tokenizer, text, unet, vae = components
    own = LatentConsistencyModelImg2ImgPipeline(
        vae, text, tokenizer, unet, pipeline.scheduler, None, None, requires_safety_checker=False
    )
    own.set_progress_bar_config(disable=True)
    result = own(
        run["prompt"],
        image=pixels,
        num_inference_steps=run["steps"],
        strength=run["strength"],
        guidance_scale=run["guidance_scale"],
        generator=_generator(run),
        output_type="latent",
    ).images
    assert torch.allclose(result, tensors[f"latents.{run['steps']}"], atol=1e-5), run

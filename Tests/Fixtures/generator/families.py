"""Tiny models of the families beside Stable Diffusion 1 and 2, and golden runs of them, in the form of `latentd render --dump`.

    python -m generator.families      (in the folder above; make.py does it too)

writes families/MODEL, single-files/MODEL, golden/families/*.safetensors and families.json.
"""

import functools
import json
import pathlib
import shutil

import safetensors.torch
import torch
from diffusers import AutoencoderKL, StableDiffusionXLPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from . import bpe, models, runs, single_files, specifications

_EULER = {
    "_class_name": "EulerDiscreteScheduler",
    "_diffusers_version": "0.19.0.dev0",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "clip_sample": False,
    "interpolation_type": "linear",
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
    "sample_max_value": 1.0,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "timestep_spacing": "leading",
    "trained_betas": None,
    "use_karras_sigmas": False,
}
_TURBO = _EULER | {"_class_name": "EulerAncestralDiscreteScheduler", "timestep_spacing": "trailing"}


def _unet(**settings):
    # The second text encoder's projection, and six sizes of eight channels.
    return {
        "_class_name": "UNet2DConditionModel",
        "_diffusers_version": "0.19.0.dev0",
        "act_fn": "silu",
        "addition_embed_type": "text_time",
        "addition_embed_type_num_heads": 64,
        "addition_time_embed_dim": 8,
        "attention_head_dim": [1, 2, 3],
        "block_out_channels": [8, 16, 24],
        "center_input_sample": False,
        "class_embed_type": None,
        "class_embeddings_concat": False,
        "conv_in_kernel": 3,
        "conv_out_kernel": 3,
        "cross_attention_dim": 28,
        "cross_attention_norm": None,
        "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
        "downsample_padding": 1,
        "dual_cross_attention": False,
        "encoder_hid_dim": None,
        "encoder_hid_dim_type": None,
        "flip_sin_to_cos": True,
        "freq_shift": 0,
        "in_channels": 4,
        "layers_per_block": 2,
        "mid_block_only_cross_attention": None,
        "mid_block_scale_factor": 1,
        "mid_block_type": "UNetMidBlock2DCrossAttn",
        "norm_eps": 1e-05,
        "norm_num_groups": 8,
        "num_attention_heads": None,
        "num_class_embeds": None,
        "only_cross_attention": False,
        "out_channels": 4,
        "projection_class_embeddings_input_dim": 20 + 6 * 8,
        "resnet_out_scale_factor": 1.0,
        "resnet_skip_time_act": False,
        "resnet_time_scale_shift": "default",
        "sample_size": 16,
        "time_cond_proj_dim": None,
        "time_embedding_act_fn": None,
        "time_embedding_dim": None,
        "time_embedding_type": "positional",
        "timestep_post_act": None,
        "transformer_layers_per_block": [1, 2, 3],
        "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
        "upcast_attention": None,
        "use_linear_projection": True,
    } | settings


def _text(name, hidden, layers, activation, projection):
    return specifications.text(activation, hidden=hidden, layers=layers) | {
        "architectures": [name],
        "projection_dim": projection,
    }


def _xl(scheduler=_EULER, zeros=True, **unet):
    return {
        "unet": _unet(**unet),
        "vae": specifications.kl((8, 8, 16, 16), scaling=0.13025),
        "texts": [
            _text("CLIPTextModel", 16, 3, "quick_gelu", 16),
            _text("CLIPTextModelWithProjection", 12, 4, "gelu", 20),
        ],
        "scheduler": scheduler,
        "zeros": zeros,
    }


#: SDXL; its distilled student; SSD-1B's layers that differ within a level, with a middle of one residual block; KOALA's missing middle.
MODELS = {
    "xl": _xl(),
    "xl-turbo": _xl(_TURBO, zeros=False),
    "xl-uneven": _xl(
        mid_block_type="UNetMidBlock2D",
        transformer_layers_per_block=[1, [2, 1], [1, 2]],
        reverse_transformer_layers_per_block=[[2, 1, 3], [2, 1, 1], 1],
    ),
    "xl-no-middle": _xl(mid_block_type=None, layers_per_block=1, transformer_layers_per_block=[1, 2, 2]),
}


_run = functools.partial(runs._run, negative=None)

RUNS = [
    _run("xl", "euler", 4, 5.0, 64, 48, 1),
    _run("xl", "euler", 3, 5.0, 40, 64, 2, negative=""),
    _run("xl", "dpm++2m-karras", 4, 6.0, 48, 48, 3, negative="blurry, low quality"),
    _run("xl", "ddim", 2, 5.0, 48, 40, 4, negative="watermark", clip_skip=1),
    _run("xl", "lcm", 3, 1.0, 48, 48, 5),
    _run("xl-turbo", "euler-a", 1, 1.0, 64, 64, 6),
    _run("xl-turbo", "euler-a", 3, 3.0, 48, 64, 7),
    _run("xl-uneven", "euler", 3, 5.0, 48, 64, 8),
    _run("xl-no-middle", "euler", 3, 5.0, 64, 48, 9, negative="blurry"),
]


def write(root):
    for folder in (root / "families", root / "golden" / "families"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    vocabulary, merges = bpe.learn(254)
    for number, (name, specification) in enumerate(MODELS.items()):
        _write_model(root / "families" / name, specification, vocabulary, merges, seed=3000 + number * 10)
    single_files.write(
        root / "single-files", {"sd1": (root / "models" / "sd1", False), "xl": (root / "families" / "xl", True)}
    )
    entries = [
        _write_run(root / "golden" / "families" / runs.file_name(run, number), run, root / "families" / run["model"])
        for number, run in enumerate(RUNS, 1)
    ]
    (root / "families.json").write_text(json.dumps({"runs": entries}, indent=1) + "\n", encoding="utf-8")


def _write_model(folder, specification, vocabulary, merges, seed):
    def component(name, configuration, stem, tensors):
        models.write_component(folder / name, configuration, stem, tensors, lambda _: torch.float16, None)

    unet = UNet2DConditionModel.from_config(specification["unet"])
    component("unet", specification["unet"], "diffusion_pytorch_model", models.random_weights(unet, seed))
    vae = AutoencoderKL.from_config(specification["vae"])
    tensors = models.random_weights(vae, seed + 1)
    models.calm_output(vae, tensors)
    component("vae", specification["vae"], "diffusion_pytorch_model", tensors)
    kinds = (CLIPTextModel, CLIPTextModelWithProjection)
    for number, (kind, configuration) in enumerate(zip(kinds, specification["texts"])):
        tensors = models.random_weights(kind(CLIPTextConfig(**configuration)), seed + 2 + number)
        tensors = {
            name if name.startswith("text_projection") else f"text_model.{name.removeprefix('text_model.')}": tensor
            for name, tensor in tensors.items()
        }
        suffix = "_2" if number else ""
        component(f"text_encoder{suffix}", configuration, "model", tensors)
        # The second tokenizer pads with "!", as SDXL's does.
        padding = "!" if number else bpe.END
        bpe.write(folder / f"tokenizer{suffix}", vocabulary, merges, 77, padding)
    models.write_json(folder / "scheduler" / "scheduler_config.json", specification["scheduler"])
    index = {
        "_class_name": "StableDiffusionXLPipeline",
        "_diffusers_version": "0.19.0.dev0",
        "force_zeros_for_empty_prompt": specification["zeros"],
        "scheduler": ["diffusers", specification["scheduler"]["_class_name"]],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "tokenizer_2": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    models.write_json(folder / "model_index.json", index)


def _load(folder):
    def part(kind, name, **settings):
        return kind.from_pretrained(folder / name, **settings).eval()

    index = json.loads((folder / "model_index.json").read_text())
    pipeline = StableDiffusionXLPipeline(
        vae=part(AutoencoderKL, "vae", torch_dtype=torch.float32),
        text_encoder=part(CLIPTextModel, "text_encoder", dtype=torch.float32),
        text_encoder_2=part(CLIPTextModelWithProjection, "text_encoder_2", dtype=torch.float32),
        tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer"),
        tokenizer_2=CLIPTokenizer.from_pretrained(folder / "tokenizer_2"),
        unet=part(UNet2DConditionModel, "unet", torch_dtype=torch.float32),
        scheduler=runs.EulerDiscreteScheduler.from_pretrained(folder / "scheduler"),
        force_zeros_for_empty_prompt=index["force_zeros_for_empty_prompt"],
        add_watermarker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@torch.no_grad()
def _write_run(path, run, folder):
    pipeline = _load(folder)
    kind, settings = runs.SAMPLERS[run["sampler"]]
    pipeline.scheduler = kind.from_pretrained(folder / "scheduler", **settings)
    generator = torch.Generator().manual_seed(run["seed"])
    noise = torch.randn((1, 4, run["height"] // 8, run["width"] // 8), generator=generator)
    tensors = {"noise": noise}

    def keep(_pipeline, step, _timestep, arguments):
        tensors[f"latents.{step + 1}"] = arguments["latents"].clone()
        tensors["text_embeddings"] = arguments["prompt_embeds"].clone()
        tensors["pooled_embeddings"] = arguments["add_text_embeds"].clone()
        tensors["time_ids"] = arguments["add_time_ids"].clone().to(torch.float32)
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
        callback_on_step_end_tensor_inputs=["latents", "prompt_embeds", "add_text_embeds", "add_time_ids"],
    )
    last = max(int(name[8:]) for name in tensors if name.startswith("latents."))
    image = pipeline.vae.decode(tensors[f"latents.{last}"] / pipeline.vae.config.scaling_factor).sample
    tensors["image"] = image
    prompts = [run["prompt"]]
    zeros = run["negative_prompt"] is None and pipeline.config.force_zeros_for_empty_prompt
    if tensors["text_embeddings"].shape[0] == 2 and not zeros:
        prompts.insert(0, run["negative_prompt"] or "")
    for name, tokenizer in (("input_ids", pipeline.tokenizer), ("input_ids_2", pipeline.tokenizer_2)):
        ids = tokenizer(prompts, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
        tensors[name] = ids.to(torch.int32)
    assert all(torch.isfinite(value).all() for value in tensors.values()), run
    safetensors.torch.save_file({key: value.contiguous() for key, value in tensors.items()}, path)
    inside = round((image.abs() < 1).float().mean().item(), 3)
    return {**run, "seed": str(run["seed"]), "file": f"families/{path.name}", "inside": inside, "running_steps": last}


if __name__ == "__main__":
    torch.set_num_threads(1)
    write(pathlib.Path(__file__).resolve().parents[1])

"""Golden data of what a model's scheduler file comes to: samplers over many configurations and in whole runs, and random
files under random classes, each stepped by the sampler of a job. Writes samplers.json and golden/samplers.

    python -m generator.samplers        from the folder of make.py: this part alone, over the models that are there
"""

import json
import math
import pathlib
import random
import warnings

import diffusers
import torch

from . import image_runs, models, runs, schedules

_NEW = ["pndm", "ddpm", "unipc", "deis", "heun", "lms", "tcd"]
_SEED = 4711
_SHAPE = (1, 4, 2, 2)
_DRAWS = 400

#: What the new samplers meet beside `schedules.CONFIGURATIONS`: (samplers, settings, fewest steps).
_SPECIAL = {
    "plms": (["pndm"], {"skip_prk_steps": True, "steps_offset": 1}, 1),
    "plms-velocity": (["pndm"], {"skip_prk_steps": True, "prediction_type": "v_prediction"}, 1),
    "plms-to-one": (["pndm"], {"skip_prk_steps": True, "set_alpha_to_one": True, "timestep_spacing": "trailing"}, 1),
    "plms-linspace": (["pndm"], {"skip_prk_steps": True, "timestep_spacing": "linspace"}, 1),
    "prk-to-one": (["pndm"], {"skip_prk_steps": False, "set_alpha_to_one": True, "steps_offset": 1}, 4),
    "prk-trailing": (["pndm"], {"timestep_spacing": "trailing", "prediction_type": "v_prediction"}, 4),
    "prk-linspace": (["pndm"], {"timestep_spacing": "linspace"}, 4),
    "small-log": (["ddpm"], {"variance_type": "fixed_small_log", "clip_sample": False}, 1),
    "large": (["ddpm"], {"variance_type": "fixed_large", "clip_sample": True, "clip_sample_range": 2.0}, 1),
    "unipc-first": (["unipc"], {"solver_order": 1, "final_sigmas_type": "sigma_min"}, 1),
    "unipc-third": (["unipc"], {"solver_order": 3, "solver_type": "bh2", "timestep_spacing": "trailing"}, 1),
    "unipc-third-linear": (["unipc"], {"solver_order": 3, "solver_type": "bh1", "final_sigmas_type": "sigma_min"}, 1),
    "unipc-noise": (
        ["unipc"], {"predict_x0": False, "solver_type": "bh1", "final_sigmas_type": "sigma_min", "lower_order_final": False}, 1
    ),
    "unipc-karras": (["unipc"], {"use_karras_sigmas": True, "disable_corrector": [0, 2]}, 1),
    "deis-third": (["deis"], {"solver_order": 3, "timestep_spacing": "leading", "steps_offset": 1}, 1),
    "deis-karras": (["deis"], {"use_karras_sigmas": True, "prediction_type": "v_prediction"}, 1),
    "heun-karras": (["heun"], {"use_karras_sigmas": True, "timestep_spacing": "trailing"}, 1),
    "heun-clipped": (["heun"], {"clip_sample": True, "clip_sample_range": 1.5, "prediction_type": "v_prediction"}, 1),
    "lms-karras": (["lms"], {"use_karras_sigmas": True, "prediction_type": "v_prediction"}, 1),
    "tcd-velocity": (["tcd"], {"prediction_type": "v_prediction", "original_inference_steps": 60}, 1),
    "predicts-sample": (["ddpm"], {"prediction_type": "sample", "timestep_spacing": "linspace"}, 1),
}
_BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}

RUNS = [
    runs._run("sd1", "pndm", 4, 7.5, 40, 56, 71, negative="blurry"),
    runs._run("sd1", "pndm", 1, 7.5, 24, 40, 72),
    runs._run("pruned", "pndm", 6, 1.0, 40, 40, 73),
    runs._run("odd", "pndm", 4, 3.0, 40, 40, 74),
    runs._run("sd2", "pndm", 5, 5.0, 40, 40, 75),
    runs._run("sd1", "ddpm", 4, 3.0, 40, 40, 76),
    runs._run("sd2", "ddpm", 5, 5.0, 40, 56, 77),
    runs._run("sd1", "unipc", 5, 7.5, 40, 40, 91),
    runs._run("sd2", "unipc", 3, 5.0, 40, 24, 92),
    runs._run("sd1", "deis", 5, 7.5, 40, 40, 93),
    runs._run("sd1", "heun", 3, 7.5, 40, 40, 94),
    runs._run("tiny", "lms", 6, 4.0, 40, 40, 95),
    runs._run("lcm", "tcd", 4, 1.0, 40, 40, 96),
]
IMAGE_RUNS = [
    image_runs._image_run("sd1", "pndm", 5, 0.8, 7.5, 40, 56, 81, negative="blurry"),
    image_runs._image_run("sd1", "pndm", 6, 0.35, 5.0, 40, 40, 82),
    image_runs._image_run("pruned", "pndm", 4, 1.0, 3.0, 40, 40, 83),
    image_runs._image_run("tiny", "pndm", 5, 0.6, 4.0, 40, 40, 84),
    image_runs._image_run("sd1", "ddpm", 5, 0.6, 3.0, 40, 40, 85),
    image_runs._image_run("sd1", "unipc", 6, 0.6, 5.0, 40, 40, 86),
    image_runs._image_run("sd1", "deis", 6, 0.6, 5.0, 40, 40, 87),
    image_runs._image_run("sd1", "heun", 5, 0.6, 5.0, 40, 40, 88),
    image_runs._image_run("tiny", "lms", 6, 0.6, 4.0, 40, 40, 89),
    image_runs._image_run("sd1", "tcd", 4, 0.75, 3.0, 40, 40, 90),
]


def write(root, loaded):
    """Writes everything below `root`, given the loaded components of its models."""
    golden = root / "golden" / "samplers"
    golden.mkdir(parents=True, exist_ok=True)
    index = {"schedules": _schedules(), "combinations": combinations(_DRAWS), "runs": [], "image_runs": []}
    for kind, folder_runs in (("runs", RUNS), ("image_runs", IMAGE_RUNS)):
        writer = runs if kind == "runs" else image_runs
        for number, run in enumerate(folder_runs, 1):
            path = golden / f"{kind.replace('_', '-')}-{runs.file_name(run, number)}"
            index[kind].append(writer.write(path, run, root / "models" / run["model"], loaded[run["model"]]))
    lines = [f' "{name}": [\n  ' + ",\n  ".join(json.dumps(entry) for entry in index[name]) + "\n ]" for name in index]
    (root / "samplers.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def _schedules():
    """The new samplers over all configurations."""
    cases = {name: (_NEW, settings, 4) for name, settings in schedules.CONFIGURATIONS.items()}
    cases |= {name: (samplers, {**_BETAS, **settings}, fewest) for name, (samplers, settings, fewest) in _SPECIAL.items()}
    entries = []
    for samplers, settings, fewest in cases.values():
        for sampler in samplers:
            kind = runs.SAMPLERS[sampler][0]
            for steps in [1, 2, 3, 4, 7, 20, 50]:
                if steps >= (fewest if sampler == "pndm" else 1):
                    entries.append(_entry(settings, None, sampler, steps, None, kind.from_config(settings)))
    assert all("latents" in entry for entry in entries), [e for e in entries if "latents" not in e]
    return entries


def _entry(file, index, sampler, steps, strength, reference):
    """A walk of a scheduler, from noise or from a picture, over made-up outputs: every timestep, the last latents, and the sum of the
    sizes of all that came between."""
    # JSON has no infinity.
    written = {key: "-Infinity" if value == -math.inf else value for key, value in file.items()}
    entry = {"file": written, "index": index, "sampler": sampler, "steps": steps, "strength": strength}
    try:
        entry |= _walk(reference, steps, strength)
    except Exception as error:  # noqa: BLE001: diffusers has no classes of its own for this
        entry["error"] = type(error).__name__
    return entry


@torch.no_grad()
def _walk(reference, steps, strength):
    generator = torch.Generator().manual_seed(_SEED)
    noise = torch.randn(_SHAPE, generator=generator)
    picture = torch.randn(_SHAPE, generator=generator)
    kind = type(reference).__name__
    if kind == "LCMScheduler":
        reference.set_timesteps(steps, strength=strength or 1.0)
    else:
        reference.set_timesteps(steps)
    timesteps = reference.timesteps
    assert timesteps.min() >= 0 or kind == "EulerDiscreteScheduler", "numpy's arange went one too far"
    first = 0
    if strength is not None and kind != "LCMScheduler":
        first = (steps - min(int(steps * strength), steps)) * reference.order
        if hasattr(reference, "set_begin_index"):
            reference.set_begin_index(first)
        timesteps = timesteps[first:]
    if strength is None:
        sample = noise * reference.init_noise_sigma
    else:
        sample = reference.add_noise(picture, noise, timesteps[:1])
    draws = torch.Generator().manual_seed(_SEED + 1)
    takes_generator = "generator" in reference.step.__code__.co_varnames
    sizes = 0.0
    for timestep in timesteps:
        shown = reference.scale_model_input(sample, timestep)
        # Made up, but of the sample, as a network's answer is, so that nothing of a walk is lost on its end.
        output = 0.5 * torch.roll(shown, 1, dims=1) + 0.5 * torch.cos(timestep.float() * torch.ones(_SHAPE))
        arguments = {"generator": draws} if takes_generator else {}
        if kind == "TCDScheduler":
            # What its pipelines say where nobody does.
            arguments["eta"] = 0.0
        sample = reference.step(output, timestep, sample, **arguments, return_dict=False)[0]
        assert torch.isfinite(sample).all(), "not finite"
        sizes += sample.abs().mean().item()
    return {
        "timesteps": [_short(value) for value in reference.timesteps.tolist()],
        "noise_scale": _short(float(reference.init_noise_sigma)),
        "latents": [_short(value) for value in sample.flatten().tolist()],
        "sizes": _short(sizes),
    }


def _short(value):
    return float(f"{value:.9g}")


# MARK: - Random files

#: Classes that diffusers makes one another's configuration of. The first ones are latentd's.
_CLASSES = {
    "DDIMScheduler": "ddim",
    "EulerDiscreteScheduler": "euler",
    "EulerAncestralDiscreteScheduler": "euler-a",
    "DPMSolverMultistepScheduler": "dpm++2m",
    "LCMScheduler": "lcm",
    "PNDMScheduler": "pndm",
    "DDPMScheduler": "ddpm",
    "UniPCMultistepScheduler": "unipc",
    "DEISMultistepScheduler": "deis",
    "HeunDiscreteScheduler": "heun",
    "LMSDiscreteScheduler": "lms",
    "TCDScheduler": "tcd",
    "DDPMParallelScheduler": None,
    "DDIMParallelScheduler": None,
    "DPMSolverSinglestepScheduler": None,
    "KDPM2AncestralDiscreteScheduler": None,
    "KDPM2DiscreteScheduler": None,
    "SASolverScheduler": None,
}

#: Values of a field, usual ones first; the field's default is added by the class's own signature.
_VALUES = {
    "beta_schedule": ["scaled_linear", "linear", "squaredcos_cap_v2"],
    "prediction_type": ["epsilon", "v_prediction", "sample"],
    "timestep_spacing": ["leading", "trailing", "linspace"],
    "steps_offset": [0, 1],
    "clip_sample": [True, False, None],
    "clip_sample_range": [1.0, 2.5],
    "set_alpha_to_one": [True, False, None],
    "thresholding": [False, None],
    "dynamic_thresholding_ratio": [0.995, 0.9],
    "sample_max_value": [1.0, 3.0],
    "variance_type": [None, "fixed_small", "fixed_small_log", "fixed_large"],
    "rescale_betas_zero_snr": [False, True, None],
    "skip_prk_steps": [True, False],
    "solver_order": [2, 1, 3],
    "solver_type": ["midpoint", "heun"],
    "lower_order_final": [True, False],
    "euler_at_final": [False, True],
    "use_karras_sigmas": [False, True],
    "final_sigmas_type": ["zero", "sigma_min"],
    "timestep_type": ["discrete", "continuous"],
    "interpolation_type": ["linear"],
    "lambda_min_clipped": [-float("inf"), -5.1],
    "trained_betas": [None],
    "original_inference_steps": [50, 40],
    "timestep_scaling": [10.0, 4.0],
    "noise_sampler_seed": [None, 7],
    "predict_x0": [True, False],
    "disable_corrector": [[], [0]],
    "flow_shift": [1.0, 3.0],
    "sigma_min": [None, 0.1],
    "sigma_max": [None, 12.0],
}


def combinations(count):
    """Random scheduler files under random classes, with the sampler of a job or without one."""
    draw = random.Random(_SEED)
    entries = []
    while len(entries) < count:
        file_class = draw.choice(list(_CLASSES))
        index_class = file_class if draw.random() < 0.7 else draw.choice(list(_CLASSES))
        file = {"_class_name": file_class, **_fields(file_class, draw)}
        own = _CLASSES[index_class]
        if own == "dpm++2m" and file.get("use_karras_sigmas"):
            own = "dpm++2m-karras"
        sampler = draw.choice(list(runs.SAMPLERS)) if own is None or draw.random() < 0.7 else None
        steps = draw.choice([1, 2, 3, 4, 5, 8, 10, 20])
        strength = draw.choice([None, None, 0.3, 0.75, 1.0])
        if strength is not None and int(steps * strength) < 1:
            continue
        entry = _entry(file, index_class, sampler, steps, strength, None)
        try:
            reference = _scheduler(file, index_class, sampler, own)
            entry = _entry(file, index_class, sampler, steps, strength, reference)
        except Exception as error:  # noqa: BLE001
            entry = {**entry, "error": type(error).__name__}
        # What numpy's rounding adds beyond the schedule is left out here.
        if entry.get("error") != "AssertionError":
            entries.append(entry)
    return entries


def _fields(name, draw):
    """Some fields of a class, as its files have them, and now and then one of another class."""
    signature = diffusers.configuration_utils.inspect.signature(getattr(diffusers, name).__init__)
    fields = {}
    for field in signature.parameters:
        if field in _VALUES and draw.random() < 0.6:
            values = _VALUES[field]
            fields[field] = values[0] if draw.random() < 0.5 else draw.choice(values)
    if draw.random() < 0.9:
        fields |= {"beta_start": 0.00085, "beta_end": 0.012, "num_train_timesteps": draw.choice([1000, 1000, 500])}
    if name == "DEISMultistepScheduler":
        fields |= {"algorithm_type": "deis", "solver_type": "logrho"}
    if name == "UniPCMultistepScheduler":
        fields |= {"solver_type": draw.choice(["bh1", "bh2"])}
    if draw.random() < 0.3:
        other = draw.choice(["clip_sample", "skip_prk_steps", "steps_offset", "use_karras_sigmas", "set_alpha_to_one"])
        fields.setdefault(other, draw.choice(_VALUES[other]))
    if draw.random() < 0.1 and fields:
        fields["_use_default_values"] = [draw.choice(list(fields))]
    return fields


def _scheduler(file, index_class, sampler, own):
    """What `StableDiffusionPipeline` makes of the folder, and `from_config` of that for the job's sampler."""
    built = getattr(diffusers, index_class).from_config(dict(file))
    components = dict.fromkeys(["vae", "text_encoder", "tokenizer", "unet", "safety_checker", "feature_extractor"])
    built = diffusers.StableDiffusionPipeline(scheduler=built, requires_safety_checker=False, **components).scheduler
    if sampler is None or sampler == own:
        return built
    kind, settings = runs.SAMPLERS[sampler]
    if kind is diffusers.DPMSolverMultistepScheduler:
        # The name of the job's sampler says whether the noise levels are Karras'.
        settings = {"use_karras_sigmas": sampler == "dpm++2m-karras"}
    return kind.from_config(built.config, **settings)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    diffusers.logging.set_verbosity_error()
    diffusers.logging.disable_progress_bar()
    root = pathlib.Path(__file__).resolve().parent.parent
    write(root, {folder.name: models.load(folder) for folder in sorted((root / "models").iterdir())})

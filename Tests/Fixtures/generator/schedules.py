"""Golden schedules: timesteps, noise scales and whole trajectories of every sampler over many configurations, with
random numbers in place of a model."""

import json

import safetensors.torch
import torch

from .runs import SAMPLERS

_SCALED = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
_ZERO_SNR = {"rescale_betas_zero_snr": True, "prediction_type": "v_prediction"}

CONFIGURATIONS = {
    "sd1": {**_SCALED, "clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1},
    "sd2": {
        **_SCALED,
        "clip_sample": False,
        "set_alpha_to_one": False,
        "steps_offset": 1,
        "prediction_type": "v_prediction",
    },
    "zero-snr-trailing": {**_SCALED, **_ZERO_SNR, "clip_sample": False, "timestep_spacing": "trailing"},
    "zero-snr-linspace": {**_SCALED, **_ZERO_SNR, "clip_sample": False, "timestep_spacing": "linspace"},
    "trailing": {**_SCALED, "clip_sample": False, "timestep_spacing": "trailing"},
    "linspace": {**_SCALED, "clip_sample": False, "timestep_spacing": "linspace", "prediction_type": "v_prediction"},
    "leading": {**_SCALED, "clip_sample": False, "timestep_spacing": "leading", "steps_offset": 1},
    "sigma-min": {**_SCALED, "clip_sample": False, "final_sigmas_type": "sigma_min", "timestep_spacing": "leading"},
    "defaults": {},
    "short-linear": {
        "beta_start": 0.0001,
        "beta_end": 0.02,
        "beta_schedule": "linear",
        "num_train_timesteps": 500,
        "clip_sample": False,
        "steps_offset": 1,
    },
}

#: What only some samplers know, or survive in diffusers: (samplers, the configuration beside the usual betas).
_SPECIAL = {
    "cosine": (["ddim", "euler", "dpm++2m", "lcm"], {"beta_schedule": "squaredcos_cap_v2"}),
    "cosine-clipped": (["dpm++2m"], {"beta_schedule": "squaredcos_cap_v2", "lambda_min_clipped": -5.1}),
    "sample": (["ddim", "euler", "dpm++2m", "lcm"], {"prediction_type": "sample"}),
    "karras": (["euler"], {"use_karras_sigmas": True}),
    "heun": (["dpm++2m", "dpm++2m-karras"], {"solver_type": "heun"}),
    "first-order": (["dpm++2m"], {"solver_order": 1}),
    "no-lower-order": (["dpm++2m"], {"lower_order_final": False, "final_sigmas_type": "sigma_min"}),
    "euler-at-final": (["dpm++2m"], {"euler_at_final": True, "final_sigmas_type": "sigma_min"}),
    "clip-range": (["ddim", "lcm"], {"clip_sample": True, "clip_sample_range": 1.5}),
    "timestep-scaling": (["lcm"], {"timestep_scaling": 4.0, "original_inference_steps": 40}),
}
#: The samplers whose walks are written here; `samplers.py` has the others.
_SAMPLERS = ["ddim", "euler", "euler-a", "dpm++2m", "dpm++2m-karras", "lcm"]
_STEPS = [1, 2, 3, 4, 7, 20]
_MORE_STEPS = {"sd1": [50], "defaults": [50], "trailing": [6, 9, 11, 13, 30], "short-linear": [11, 30]}
_MOST_STEPS = 50
_SHAPE = (1, 4, 2, 2)
_SEED = 77


@torch.no_grad()
def write(path):
    """Writes the scheduler files and the tensors, and returns the index entries.

    Entry number N has the tensors `N.inputs` [steps, 16], what the model is given, and `N.latents`, after each step.
    """
    generator = torch.Generator().manual_seed(_SEED)
    noise = torch.randn(_SHAPE, generator=generator)
    outputs = torch.randn(_MOST_STEPS, *_SHAPE, generator=generator)
    tensors = {"noise": noise.flatten(), "outputs": outputs.flatten(1)}
    entries = []
    folder = path.parent / "schedulers"
    folder.mkdir()
    cases = {name: (_SAMPLERS, configuration) for name, configuration in CONFIGURATIONS.items()}
    cases |= {name: (samplers, {**_SCALED, **settings}) for name, (samplers, settings) in _SPECIAL.items()}
    for name, (samplers, configuration) in cases.items():
        (folder / f"{name}.json").write_text(json.dumps(configuration, indent=1) + "\n")
        for sampler in samplers:
            kind, settings = SAMPLERS[sampler]
            for steps in _STEPS + _MORE_STEPS.get(name, []):
                reference = kind.from_config({**configuration, **settings})
                reference.set_timesteps(steps)
                inputs, latents = _trajectory(reference, noise, outputs)
                number = len(entries)
                tensors[f"{number}.inputs"], tensors[f"{number}.latents"] = inputs, latents
                entries.append(
                    {
                        "configuration": f"{folder.name}/{name}.json",
                        "sampler": sampler,
                        "steps": steps,
                        "timesteps": reference.timesteps.tolist(),
                        "initial_noise_scale": float(reference.init_noise_sigma),
                    }
                )
    safetensors.torch.save_file(tensors, path)
    return {
        "file": path.name,
        "noise_seed": str(_SEED),
        "entries": entries,
    }


def _trajectory(reference, noise, outputs):
    """Steps through the schedule; the samplers' own noise comes from a fresh generator of the same seed."""
    generator = torch.Generator().manual_seed(_SEED)
    sample = noise * reference.init_noise_sigma
    takes_generator = "generator" in reference.step.__code__.co_varnames
    arguments = {"generator": generator} if takes_generator else {}
    inputs, latents = [], []
    for timestep, output in zip(reference.timesteps, outputs):
        inputs.append(reference.scale_model_input(sample, timestep).flatten())
        sample = reference.step(output, timestep, sample, **arguments, return_dict=False)[0]
        latents.append(sample.flatten())
    assert torch.isfinite(torch.stack(latents)).all(), reference.config
    return torch.stack(inputs).float(), torch.stack(latents).float()

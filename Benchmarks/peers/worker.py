"""One peer, one model, one process: loads, warms up, times each stage and prints a JSON object of seconds.

    python worker.py torch|openvino fp32|bf16 FOLDER --size 512 --repetitions 3 --threads 2 [--cache DIR]
"""

import argparse
import json
import pathlib
import resource
import subprocess
import sys
import time

import folders
import torch

TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("engine", choices=["torch", "openvino"])
    parser.add_argument("precision", choices=TYPES)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cache", type=pathlib.Path)
    parser.add_argument("--convert", action="store_true", help="only write OpenVINO's files")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.convert:
        _convert(arguments)
        return
    stages = (_torch_stages if arguments.engine == "torch" else _openvino_stages)(arguments)
    seconds = {name: _times(stage, arguments.repetitions) for name, stage in stages}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "peak_bytes": peak}))


def _times(stage, repetitions):
    stage()
    result = []
    for _ in range(repetitions):
        start = time.perf_counter()
        stage()
        result.append(time.perf_counter() - start)
    return result


def _inputs(size, type):
    """Stage -> its inputs."""
    latent = size // 8
    return {
        "text": [torch.randint(0, 700, (1, 77))],
        **{
            f"unet b{batch}": [
                torch.randn(batch, 4, latent, latent, dtype=type),
                torch.tensor(500.0, dtype=type),
                torch.randn(batch, 77, 768, dtype=type),
            ]
            for batch in (1, 2)
        },
        "decode": [torch.randn(1, 4, latent, latent, dtype=type)],
    }


def _modules(folder, type):
    text, unet, vae = folders.load(folder, type)
    return {"text": _Text(text), "unet": _UNet(unet), "decode": _Decoder(vae)}


class _Text(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids):
        return self.model(ids).last_hidden_state


class _UNet(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, sample, timestep, context):
        return self.model(sample, timestep, context, return_dict=False)[0]


class _Decoder(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, latents):
        return self.model.decode(latents, return_dict=False)[0]


def _torch_stages(arguments):
    type = TYPES[arguments.precision]
    modules = _modules(arguments.folder, type)
    for name in ("unet", "decode"):
        modules[name] = modules[name].to(memory_format=torch.channels_last)

    def stage(module, inputs):
        def run():
            with torch.inference_mode():
                module(*inputs)

        return run

    for name, inputs in _inputs(arguments.size, type).items():
        yield name, stage(modules[name.split()[0]], inputs)


def _openvino_stages(arguments):
    """One stage at a time: a compiled model is gone before the next is made."""
    import openvino

    core = openvino.Core()
    core.set_property("CPU", {"INFERENCE_NUM_THREADS": arguments.threads, "PERFORMANCE_HINT": "LATENCY"})
    hint = {"fp32": openvino.Type.f32, "bf16": openvino.Type.bf16}[arguments.precision]
    if not all(_path(arguments, stage).exists() for stage in ("text", "unet", "decode")):
        # In a process of its own, so that the peak of this one is that of running.
        subprocess.run([sys.executable, *sys.argv, "--convert"], check=True, stdout=subprocess.DEVNULL)
    for name, values in _inputs(arguments.size, torch.float32).items():
        model = core.read_model(_path(arguments, name.split()[0]))
        model.reshape({port: list(value.shape) for port, value in zip(model.inputs, values)})
        compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": hint})
        arrays = [value.numpy() for value in values]
        yield name, lambda compiled=compiled, arrays=arrays: compiled(arrays)


def _path(arguments, stage):
    return (arguments.cache or arguments.folder) / f"{arguments.folder.name}-{stage}.xml"


def _convert(arguments):
    import openvino

    modules = _modules(arguments.folder, torch.float32)
    inputs = _inputs(arguments.size, torch.float32)
    for stage, example in {"text": "text", "unet": "unet b1", "decode": "decode"}.items():
        with torch.inference_mode():
            model = openvino.convert_model(modules[stage], example_input=tuple(inputs[example]))
        openvino.save_model(model, _path(arguments, stage), compress_to_fp16=True)


if __name__ == "__main__":
    main()

"""One peer, one model, one process: loads, warms up, times the stages and prints a JSON object.

    python worker.py torch|openvino fp32|bf16|int8 FOLDER --size 512 --repetitions 3 --threads 2 [--cache DIR]

`int8` is OpenVINO's alone: weights and activations of every layer, quantized after training by NNCF. OpenVINO's files are
made once, in processes of their own, so that the peak of this one is that of loading and running.
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

STAGES = ["text", "unet b1", "unet b2", "decode"]
# What each network is converted with, at a small size: the shapes stay open.
_EXAMPLE_SIZE = 128
_EXAMPLES = {"text": "text", "unet": "unet b1", "decode": "decode"}


def main():
    arguments = _arguments()
    torch.set_num_threads(arguments.threads)
    if arguments.convert:
        _convert(arguments, arguments.convert)
        return
    engine = {"torch": _torch, "openvino": _openvino}[arguments.engine]
    # A single thread's own time is not disturbed by a busy machine.
    clock = time.process_time if arguments.threads == 1 else time.perf_counter
    stages, network = {}, None
    for stage, values in _inputs(arguments.size).items():
        if stage not in arguments.stages:
            continue
        start = clock()
        # One at a time: a network is gone before the next is loaded.
        network = None
        network = engine(stage.split()[0], values, arguments)
        loading = clock() - start
        stages[stage] = {"load_seconds": [loading], "seconds": _times(network, arguments.repetitions, clock)}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"stages": stages, "peak_bytes": peak}))


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("engine", choices=["torch", "openvino"])
    parser.add_argument("precision", choices=["fp32", "bf16", "int8"])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--stages", nargs="+", default=STAGES, choices=STAGES)
    parser.add_argument("--cache", type=pathlib.Path, help="where OpenVINO's files are kept; the folder without it")
    parser.add_argument("--convert", choices=list(_EXAMPLES), help="only write OpenVINO's file of a network")
    arguments = parser.parse_args()
    if arguments.engine == "torch" and arguments.precision == "int8":
        parser.error("torch has no int8 here")
    return arguments


def _times(run, repetitions, clock):
    run()
    result = []
    for _ in range(repetitions):
        start = clock()
        run()
        result.append(clock() - start)
    return result


def _inputs(size):
    """Stage -> its inputs, floats as fp32."""
    latent = size // 8
    return {
        "text": [torch.randint(0, 700, (1, 77))],
        **{
            f"unet b{batch}": [
                torch.randn(batch, 4, latent, latent),
                torch.tensor(500.0),
                torch.randn(batch, 77, 768),
            ]
            for batch in (1, 2)
        },
        "decode": [torch.randn(1, 4, latent, latent)],
    }


class _Network(torch.nn.Module):
    """A network of a folder as a function from tensors to one tensor."""

    def __init__(self, name, folder, type):
        super().__init__()
        self.model = folders.load(folder, name, type)
        self.forward = {"text": self._text, "unet": self._unet, "decode": self._decode}[name]

    def _text(self, ids):
        return self.model(ids).last_hidden_state

    def _unet(self, sample, timestep, context):
        return self.model(sample, timestep, context, return_dict=False)[0]

    def _decode(self, latents):
        return self.model.decode(latents, return_dict=False)[0]


def _torch(name, values, arguments):
    type = {"fp32": torch.float32, "bf16": torch.bfloat16}[arguments.precision]
    network = _Network(name, arguments.folder, type)
    if name != "text":
        network = network.to(memory_format=torch.channels_last)
    values = [value.to(type) if value.is_floating_point() else value for value in values]

    def run():
        with torch.inference_mode():
            network(*values)

    return run


def _openvino(name, values, arguments):
    import openvino

    path = _require_file(arguments, name, arguments.precision)
    core = openvino.Core()
    core.set_property("CPU", {"INFERENCE_NUM_THREADS": arguments.threads, "PERFORMANCE_HINT": "LATENCY"})
    model = core.read_model(path)
    model.reshape({port: list(value.shape) for port, value in zip(model.inputs, values)})
    hint = {"fp32": openvino.Type.f32}.get(arguments.precision, openvino.Type.bf16)
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": hint})
    arrays = [value.numpy() for value in values]
    return lambda: compiled(arrays)


def _require_file(arguments, name, precision):
    """OpenVINO's file of a network, made in a process of its own if it is not there."""
    path = _path(arguments, name, precision)
    if not path.exists():
        command = [sys.executable, __file__, "openvino", precision, str(arguments.folder), "--convert", name]
        command += ["--cache", str(arguments.cache)] if arguments.cache else []
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return path


def _path(arguments, name, precision):
    suffix = "-int8" if precision == "int8" else ""
    return (arguments.cache or arguments.folder) / f"{arguments.folder.name}-{name}{suffix}.xml"


def _convert(arguments, name):
    import openvino

    example = _inputs(_EXAMPLE_SIZE)[_EXAMPLES[name]]
    if arguments.precision == "int8":
        wide = _require_file(arguments, name, "fp32")
        model = _quantized(openvino.Core().read_model(wide), example)
    else:
        with torch.inference_mode():
            network = _Network(name, arguments.folder, torch.float32)
            model = openvino.convert_model(network, example_input=tuple(example))
    openvino.save_model(model, _path(arguments, name, arguments.precision), compress_to_fp16=True)


def _quantized(model, example):
    """Full quantization after training. Ranges come from noise, which costs what a real range costs; the corrections that
    would improve the numbers alone are left out."""
    import nncf

    dataset = nncf.Dataset([[value.numpy() for value in example]] * 2, lambda values: dict(enumerate(values)))
    return nncf.quantize(
        model,
        dataset,
        subset_size=2,
        model_type=nncf.ModelType.TRANSFORMER,
        advanced_parameters=nncf.AdvancedQuantizationParameters(
            disable_bias_correction=True,
            smooth_quant_alphas=nncf.AdvancedSmoothQuantParameters(matmul=-1, convolution=-1),
        ),
    )


if __name__ == "__main__":
    main()

"""stable-diffusion.cpp q8_0, one model: prints the JSON object that worker.py prints, from the program's own log.

    python sdcpp.py BINARY FOLDER --size 512 --repetitions 3 --threads 2 --stages "unet b1" [--cache DIR]

The program has no benchmark, so each stage is a picture that repeats the stage, skips what it can of those before, and is
stopped when the stage is done: the peak of memory is that of the stage, with the text encoder's weights, which stay. The
first time of every stage, which loads its weights, is dropped. The program's file is made once, by itself, from the folder.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import tempfile

# Fused attention, with which the UNet's buffers are a fifth.
OPTIONS = ["--diffusion-fa"]
# What the tokenizer puts between the begin and the end of one run of the text encoder.
_CHUNK = 75
# A schedule of a single sigma has no steps.
_NO_STEPS = ["--sigmas", "1"]
# What the program logs after each time of a stage.
_DONE = {
    "text": re.compile(r"computing condition graph completed, taking (\d+) (ms)"),
    "unet b1": re.compile(r"\d+/\d+ - ([\d.]+)(s/it|it/s)"),
    "unet b2": re.compile(r"\d+/\d+ - ([\d.]+)(s/it|it/s)"),
    "decode": re.compile(r"latent \d+ decoded, taking ([\d.]+)(s)"),
}
_LOADED = re.compile(r"loading tensors completed, taking ([\d.]+)s")


def main():
    arguments = _arguments()
    model = _require_file(arguments)
    stages, peaks = {}, []
    for stage in arguments.stages:
        log, peak = _run(_command(stage, model, arguments), _DONE[stage], arguments.repetitions + 1)
        # The text encoder is always the first that is loaded.
        loading = _LOADED.findall(log)[0 if stage == "text" else 1]
        stages[stage] = {"load_seconds": [float(loading)], "seconds": _seconds(stage, log)[1:]}
        peaks.append(peak)
    print(json.dumps({"stages": stages, "peak_bytes": max(peaks)}))


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", type=pathlib.Path, help="the program's sd-cli")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--stages", nargs="+", required=True, choices=list(_DONE))
    parser.add_argument("--cache", type=pathlib.Path, help="where its file is kept; the folder without it")
    return parser.parse_args()


def _require_file(arguments):
    """The program's file of the folder's networks, made if it is not there."""
    path = (arguments.cache or arguments.folder) / f"{arguments.folder.name}-q8_0.gguf"
    if not path.exists():
        command = [arguments.binary, "-M", "convert", "-m", arguments.folder, "-o", path, "--type", "q8_0"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return path


def _command(stage, model, arguments):
    times, prompt, size = arguments.repetitions + 1, "a", arguments.size
    if stage == "text":
        prompt, size = " ".join(["a"] * _CHUNK * times), 64
    command = [arguments.binary, "-v", "-m", model, "-t", arguments.threads, "-p", prompt, "-W", size, "-H", size]
    # Guidance is two runs of the UNet at batch 1, one after the other.
    command += [*OPTIONS, "--sampling-method", "euler", "--cfg-scale", 7 if stage == "unet b2" else 1]
    command += ["--steps", times] if stage.startswith("unet") else _NO_STEPS
    command += ["--batch-count", times] if stage == "decode" else []
    if "AutoencoderTiny" in (arguments.folder / "vae" / "config.json").read_text():
        command += ["--taesd", arguments.folder / "vae" / "diffusion_pytorch_model.safetensors"]
    return [str(part) for part in command]


def _run(command, done, times):
    """What a command prints until a line of it was `done` that many times, and its most resident memory in bytes."""
    log = []
    with tempfile.TemporaryDirectory() as pictures:
        process = subprocess.Popen([*command, "-o", f"{pictures}/picture_%d.png"], stdout=subprocess.PIPE, text=True)
        for line in process.stdout:
            log.append(line)
            times -= bool(done.search(line))
            if times == 0:
                break
        process.kill()
        usage = os.wait4(process.pid, 0)[2]
    if times:
        raise SystemExit(f"{command[0]} stopped early:\n{''.join(log)}")
    return "".join(log), usage.ru_maxrss * 1024


def _seconds(stage, log):
    values = [1 / float(value) if unit == "it/s" else float(value) for value, unit in _DONE[stage].findall(log)]
    if stage != "text":
        return values
    # Milliseconds from the start of the first run.
    return [(end - start) / 1000 for start, end in zip([0, *values], values)]


if __name__ == "__main__":
    main()

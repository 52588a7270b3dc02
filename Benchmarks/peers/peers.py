"""latentd beside torch and OpenVINO on this machine: seconds a stage, medians, taken in turns.

    python -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python peers.py --bench ../.build/release/model --work /tmp/peers

Every round runs each engine in a process of its own, one after the other, so that a slow minute of the machine is
shared. The result is a table on stdout and, with --json, every single time in a file.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

import folders

HERE = pathlib.Path(__file__).resolve().parent
ENGINES = ["torch-fp32", "torch-bf16", "openvino-fp32", "openvino-bf16", "latentd"]
STAGES = ["text", "unet b1", "unet b2", "decode"]


def main():
    arguments = _arguments()
    arguments.work.mkdir(parents=True, exist_ok=True)
    results = []
    for model in arguments.models:
        for vae in arguments.decoders:
            folder = folders.write(arguments.work, model, vae)
            results.append({"model": folder.name, "engines": _rounds(folder, arguments)})
    report = {"cpu": _cpu(), "size": arguments.size, "threads": arguments.threads, "results": results}
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")
    print(_table(report))


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder for the models (some gigabytes)")
    parser.add_argument("--bench", type=pathlib.Path, help="the model benchmark of this folder's package")
    parser.add_argument("--models", nargs="+", default=list(folders.UNETS), choices=list(folders.UNETS))
    parser.add_argument("--decoders", nargs="+", default=["kl", "taesd"], choices=["kl", "taesd"])
    parser.add_argument("--engines", nargs="+", default=ENGINES, choices=ENGINES)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repetitions", type=int, default=2)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    if "latentd" in arguments.engines and not arguments.bench:
        parser.error("--bench is needed to measure latentd")
    return arguments


def _rounds(folder, arguments):
    engines = {engine: {"seconds": {stage: [] for stage in STAGES}, "peak_bytes": []} for engine in arguments.engines}
    for number in range(arguments.rounds):
        for engine, kept in engines.items():
            print(f"{folder.name}, round {number + 1}: {engine}", file=sys.stderr)
            measured = json.loads(subprocess.check_output(_command(engine, folder, arguments)))
            kept["peak_bytes"].append(measured["peak_bytes"])
            for stage in STAGES:
                kept["seconds"][stage] += measured["seconds"][stage]
    return engines


def _command(engine, folder, arguments):
    common = ["--size", str(arguments.size), "--repetitions", str(arguments.repetitions)]
    common += ["--threads", str(arguments.threads)]
    if engine == "latentd":
        return [str(arguments.bench), str(folder), *common, "--json"]
    name, precision = engine.split("-")
    worker = [sys.executable, str(HERE / "worker.py"), name, precision, str(folder), *common]
    return worker + ["--cache", str(arguments.work)]


def _cpu():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def _table(report):
    lines = [
        f"{report['cpu']}, {report['threads']} threads, {report['size']} x {report['size']}, medians in seconds",
        "",
        "| model | engine | " + " | ".join(STAGES) + " | peak |",
        "|---|---|" + "---:|" * (len(STAGES) + 1),
    ]
    for result in report["results"]:
        for engine, measured in result["engines"].items():
            medians = [f"{statistics.median(measured['seconds'][stage]):.3f}" for stage in STAGES]
            peak = f"{max(measured['peak_bytes']) / 2**30:.2f} GiB"
            lines.append(f"| {result['model']} | {engine} | " + " | ".join(medians) + f" | {peak} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()

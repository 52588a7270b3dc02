"""latentd beside torch, OpenVINO and stable-diffusion.cpp on this machine: seconds, memory and loading of each network.

    python -m venv venv && venv/bin/pip install -r requirements.txt
    swift build -c release --package-path ..
    venv/bin/python peers.py --bench ../.build/release/model --work /tmp/peers

For each network every round runs each engine in a process of its own, one after the other, so that a slow minute of the
machine is shared and a peak of memory is that of the one network. The result is tables on stdout and, with --json, every
single time in a file.
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
# From the most to the least exact.
PRECISIONS = ["fp32", "bf16", "int8", "int4"]
SDCPP = "stable-diffusion.cpp-int8"
RIVALS = ["torch-fp32", "torch-bf16", "openvino-fp32", "openvino-bf16", "openvino-int8", SDCPP]
ENGINES = RIVALS + [f"latentd-{precision}" for precision in PRECISIONS]
# What is measured: the network's name in tables -> model, decoder, stage of the worker.
NETWORKS = {
    "text encoder": ("sd15", "kl", "text"),
    "UNet SD1.5 b1": ("sd15", "kl", "unet b1"),
    "UNet SD1.5 b2": ("sd15", "kl", "unet b2"),
    "UNet BK-SDM-Tiny b1": ("bk-sdm-tiny", "kl", "unet b1"),
    "VAE decode": ("sd15", "kl", "decode"),
    "TAESD decode": ("sd15", "taesd", "decode"),
}


def main():
    arguments = _arguments()
    arguments.work.mkdir(parents=True, exist_ok=True)
    report = {"cpu": _cpu(), "size": arguments.size, "threads": arguments.threads, "networks": {}}
    for network in arguments.networks:
        model, vae, stage = NETWORKS[network]
        folder = folders.write(arguments.work, model, vae)
        report["networks"][network] = _rounds(network, folder, stage, arguments)
        if arguments.json:
            arguments.json.write_text(json.dumps(report, indent=1) + "\n")
    print(_text(report))


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder for the models (some gigabytes)")
    parser.add_argument("--bench", type=pathlib.Path, help="the model benchmark of this folder's package")
    parser.add_argument("--sdcpp", type=pathlib.Path, help="sd-cli of stable-diffusion.cpp, else left out")
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS), metavar="NETWORK")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, metavar="ENGINE")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repetitions", type=int, default=2, help="times in each process, after a first that warms up")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    arguments.engines = arguments.engines or [engine for engine in ENGINES if arguments.sdcpp or engine != SDCPP]
    if SDCPP in arguments.engines and not arguments.sdcpp:
        parser.error("--sdcpp is needed to measure stable-diffusion.cpp")
    if any(engine.startswith("latentd") for engine in arguments.engines) and not arguments.bench:
        parser.error("--bench is needed to measure latentd")
    return arguments


def _rounds(network, folder, stage, arguments):
    """Engine -> lists of seconds, of seconds that loading took, and of peak bytes."""
    results = {engine: {"seconds": [], "load_seconds": [], "peak_bytes": []} for engine in arguments.engines}
    for number in range(arguments.rounds):
        for engine, kept in results.items():
            print(f"{network}, round {number + 1}: {engine}", file=sys.stderr)
            measured = json.loads(subprocess.check_output(_command(engine, folder, stage, arguments)))
            kept["seconds"] += measured["stages"][stage]["seconds"]
            kept["load_seconds"] += measured["stages"][stage]["load_seconds"]
            kept["peak_bytes"].append(measured["peak_bytes"])
    return results


def _command(engine, folder, stage, arguments):
    name, precision = engine.rsplit("-", 1)
    common = ["--size", str(arguments.size), "--repetitions", str(arguments.repetitions)]
    common += ["--threads", str(arguments.threads), "--stages", stage]
    if name == "latentd":
        # Loaded once a process: after the first round the weights are prepared.
        cache = ["--loads", "1", "--cache", str(arguments.work / "prepared")]
        return [str(arguments.bench), str(folder), "--precision", precision, *common, *cache, "--json"]
    common += ["--cache", str(arguments.work)]
    if engine == SDCPP:
        return [sys.executable, str(HERE / "sdcpp.py"), str(arguments.sdcpp), str(folder), *common]
    return [sys.executable, str(HERE / "worker.py"), name, precision, str(folder), *common]


def _cpu():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def _text(report):
    """Three tables: seconds, how many times as fast latentd is, memory and loading."""
    networks = report["networks"]
    engines = list(next(iter(networks.values())))

    def cells(value):
        return [[engine, *(value(networks[network], engine) for network in networks)] for engine in engines]

    head = f"{report['cpu']}, {report['threads']} threads, {report['size']} x {report['size']}, medians"
    costs = "peak memory of the process in MiB / seconds to load"
    ours = [row for row in cells(_ratios) if row[0].startswith("latentd")]
    return "\n\n".join(
        [
            f"{head} in seconds",
            _table(["", *networks], cells(lambda results, engine: f"{_median(results, engine):.3f}")),
            "How many times as fast as the best of each rival at the same precision or a wider one",
            _table(["", *networks], ours),
            f"{head}: {costs}",
            _table(["", *networks], cells(_costs)),
        ]
    )


def _median(results, engine, key="seconds"):
    return statistics.median(results[engine][key])


def _ratios(results, engine):
    precision = engine.rsplit("-", 1)[1]
    exact_enough = PRECISIONS[: PRECISIONS.index(precision) + 1]
    best = {}
    for rival in results:
        name, width = rival.rsplit("-", 1)
        if name != "latentd" and width in exact_enough:
            best[name] = min(best.get(name, rival), rival, key=lambda one: _median(results, one))
    mine = _median(results, engine)
    return ", ".join(f"{_median(results, rival) / mine:.2f} ({rival})" for rival in best.values())


def _costs(results, engine):
    return f"{max(results[engine]['peak_bytes']) / 2**20:,.0f} / {_median(results, engine, 'load_seconds'):.2f}"


def _table(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()

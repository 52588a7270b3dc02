"""Golden random numbers: what torch.randn draws on a CPU, in sequences from one generator."""

import safetensors.torch
import torch

_SEEDS = [0, 1, 42, 2**31, 2**32 - 1, 2**32, 2**53 + 1, 2**63, 2**64 - 1]
_SEQUENCES = [[1], [5], [15], [16], [17], [100], [5, 5, 5], [1, 16, 1], [15, 17, 16, 3], [64, 64]]
_LONG = [4096, 37]


def write(path):
    """Each draw is the tensor `SEQUENCE.DRAW`."""
    tensors, entries = {}, []
    cases = [(seed, sequence) for seed in _SEEDS for sequence in _SEQUENCES]
    cases += [(seed, _LONG) for seed in (0, 2**64 - 1)]
    for number, (seed, sequence) in enumerate(cases):
        generator = torch.Generator().manual_seed(seed)
        for draw, count in enumerate(sequence):
            tensors[f"{number}.{draw}"] = torch.randn(count, generator=generator)
        entries.append({"seed": str(seed), "counts": sequence})
    safetensors.torch.save_file(tensors, path)
    return {"file": path.name, "entries": entries}

"""What the stages share: pictures on backgrounds, the Muon optimizer, a moving average, a schedule by the clock."""
import json
import math
import pathlib
import time

import numpy as np
import torch

#: Background colours by name; "white" is also what a caption without a background means.
BACKGROUNDS = {
    "white": (255, 255, 255), "black": (20, 20, 22), "gray": (150, 152, 156), "red": (214, 48, 49),
    "orange": (247, 148, 40), "yellow": (255, 221, 87), "green": (67, 160, 71), "blue": (41, 98, 214),
    "light blue": (165, 214, 250), "purple": (126, 70, 178), "pink": (248, 170, 200), "brown": (121, 85, 62),
}


def open_pictures(folder: pathlib.Path) -> tuple[np.ndarray, list[dict]]:
    """The memory-mapped pictures `[N, H, W, 4]` and their index rows."""
    rows = [json.loads(line) for line in open(folder / "index.jsonl")]
    return np.load(folder / "pictures.npy", mmap_mode="r"), rows


def composite(pictures: np.ndarray, colours: np.ndarray) -> torch.Tensor:
    """Premultiplied bytes `[N, H, W, 4]` over colours `[N, 3]`: `[N, 3, H, W]` in -1 ... 1, channels last."""
    pixels = torch.from_numpy(np.ascontiguousarray(pictures)).float()
    colours = torch.from_numpy(np.asarray(colours, dtype=np.float32))[:, None, None, :]
    pixels = pixels[..., :3] + colours * (1 - pixels[..., 3:] / 255)
    return (pixels / 127.5 - 1).permute(0, 3, 1, 2)


def decay(fraction: float, warmup: float = 0.01) -> float:
    """Learning-rate factor at a fraction of the time: linear warm-up, then a cosine to zero."""
    if fraction < warmup:
        return fraction / warmup
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (fraction - warmup) / (1 - warmup))))


class Stopwatch:
    """The share of `minutes` used, over all the runs of a resumed training."""

    def __init__(self, minutes: float, used: float = 0.0):
        self.budget, self.start = minutes * 60, time.monotonic() - used

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.start

    @property
    def fraction(self) -> float:
        return min(1.0, self.seconds / self.budget)


class Average:
    """Exponential moving average of a module's parameters, warmed up so that early steps are forgotten."""

    def __init__(self, module: torch.nn.Module, rate: float = 0.999):
        self.rate, self.steps = rate, 0
        self.values = [p.detach().clone() for p in module.parameters()]

    @torch.no_grad()
    def update(self, module: torch.nn.Module) -> None:
        self.steps += 1
        rate = min(self.rate, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self.values, [p.detach() for p in module.parameters()], 1 - rate)

    @torch.no_grad()
    def copy_to(self, module: torch.nn.Module) -> None:
        for parameter, value in zip(module.parameters(), self.values):
            parameter.copy_(value)


def orthogonalized(update: torch.Tensor) -> torch.Tensor:
    """The nearest semi-orthogonal matrix, roughly: four quintic Newton-Schulz steps in bfloat16."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = update.bfloat16()
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / (x.norm() + 1e-7)
    for _ in range(4):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x.T if tall else x).float()


class Muon(torch.optim.Optimizer):
    """Muon (Jordan et al. 2024) for matrices and convolutions; AdamW for groups with `matrices=False`."""

    def __init__(self, groups: list[dict]):
        super().__init__(groups, dict(lr=0.0, matrices=False, momentum=0.95, betas=(0.9, 0.99), weight_decay=0.0))

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                (self.step_matrix if group["matrices"] else self.step_adam)(parameter, state, group)

    @staticmethod
    def step_matrix(parameter, state, group) -> None:
        buffer = state.setdefault("momentum", torch.zeros_like(parameter))
        buffer.lerp_(parameter.grad, 1 - group["momentum"])
        update = parameter.grad.lerp(buffer, group["momentum"])
        matrix = update.reshape(len(update), -1)
        scale = max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
        parameter.add_(orthogonalized(matrix).reshape(parameter.shape), alpha=-group["lr"] * scale)

    @staticmethod
    def step_adam(parameter, state, group) -> None:
        first, second = (state.setdefault(key, torch.zeros_like(parameter)) for key in ("first", "second"))
        state["step"] = state.get("step", 0) + 1
        beta1, beta2 = group["betas"]
        first.lerp_(parameter.grad, 1 - beta1)
        second.lerp_(parameter.grad.square(), 1 - beta2)
        denominator = (second / (1 - beta2 ** state["step"])).sqrt_().add_(1e-8)
        parameter.addcdiv_(first, denominator, value=-group["lr"] / (1 - beta1 ** state["step"]))


def optimizer(module: torch.nn.Module, matrix_rate: float, rate: float, outside=(), weight_decay=0.0) -> Muon:
    """Muon for hidden matrices; AdamW for vectors and for the layers whose name starts with one of `outside`."""
    matrices, rest = [], []
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            (matrices if parameter.ndim >= 2 and not name.startswith(tuple(outside)) else rest).append(parameter)
    groups = [dict(params=matrices, matrices=True, base=matrix_rate, weight_decay=weight_decay),
              dict(params=rest, matrices=False, base=rate)]
    return Muon([group for group in groups if group["params"]])


def set_rates(muon: Muon, factor: float) -> None:
    for group in muon.param_groups:
        group["lr"] = group["base"] * factor


def save(path: pathlib.Path, **state) -> None:
    """A checkpoint that appears whole or not at all."""
    torch.save(state, path.with_suffix(".part"))
    path.with_suffix(".part").rename(path)

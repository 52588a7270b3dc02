"""What the stages share: pictures on backgrounds, the Muon optimizer, a moving average, a loop that can go on later."""
import argparse
import json
import math
import os
import pathlib
import time

import numpy as np
import torch

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")

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


def shrunk(pictures: np.ndarray, chosen: list[int], side: int) -> np.ndarray:
    """The chosen pictures at another size, in an array in which the others are empty: bytes `[N, side, side, 4]`."""
    small, factor = np.zeros((len(pictures), side, side, 4), np.uint8), pictures.shape[1] // side
    for index in chosen:
        small[index] = np.rint(pictures[index].reshape(side, factor, side, factor, 4).mean(axis=(1, 3), dtype=np.float32))
    return small


def composite(pictures: np.ndarray, colours: np.ndarray) -> torch.Tensor:
    """Premultiplied bytes `[N, H, W, 4]` over colours `[N, 3]`: `[N, 3, H, W]` in -1 ... 1, channels last."""
    pixels = torch.from_numpy(np.ascontiguousarray(pictures)).float()
    colours = torch.from_numpy(np.asarray(colours, dtype=np.float32))[:, None, None, :]
    pixels = pixels[..., :3] + colours * (1 - pixels[..., 3:] / 255)
    return (pixels / 127.5 - 1).permute(0, 3, 1, 2)


def decay(fraction: float, warmup: float = 0.01) -> float:
    """Learning-rate factor at a fraction of the steps: linear warm-up, then a cosine to zero."""
    if fraction < warmup:
        return fraction / warmup
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (fraction - warmup) / (1 - warmup))))


def arguments(description: str, steps: int, batch: int) -> argparse.ArgumentParser:
    """The options that every stage has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="the folder of the checkpoints")
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--resume", action="store_true", help="go on with the last checkpoint")
    parser.add_argument("--pause", type=pathlib.Path, help="a file: while it exists, the training sleeps")
    parser.add_argument("--seed", type=int, default=1)
    return parser


def rest(pause: pathlib.Path | None) -> None:
    """Sleeps while the file `pause` exists."""
    while pause and pause.exists():
        time.sleep(1)


#: Whether the hardware multiplies bfloat16.
HAS_BFLOAT16 = DEVICE.type == "cuda" or torch.ops.mkldnn._is_mkldnn_bf16_supported()


def autocast() -> torch.autocast:
    """bfloat16 where the hardware multiplies it, float32 elsewhere."""
    return torch.autocast(DEVICE.type, torch.bfloat16, enabled=HAS_BFLOAT16)


class Run:
    """A training of `options.steps` steps: its module, optimizer, average, curve and checkpoints.

    Step n draws from a generator seeded by (seed, n): a resumed run sees what an unbroken one would have seen. OUT/NAME.pt
    is the last checkpoint, OUT/NAME.jsonl the curve: the mean loss of every `every` steps.
    """

    def __init__(self, name: str, options: argparse.Namespace, module: torch.nn.Module, muon: "Muon",
                 rate: float = 0.998, every: int = 25):
        self.options, self.module, self.muon, self.every = options, module, muon, every
        self.path, self.curve = options.out / f"{name}.pt", options.out / f"{name}.jsonl"
        self.average, self.step, self.seconds, self.losses = Average(module, rate), 0, 0.0, []
        if options.resume and self.path.exists():
            state = torch.load(self.path, map_location=DEVICE)
            module.load_state_dict(state["model"])
            muon.load_state_dict(state["optimizer"])
            self.average.values, self.average.steps = state["average_values"], state["step"]
            self.step, self.seconds = state["step"], state["seconds"]
        else:
            self.curve.write_text("")
        torch.set_num_threads(options.threads)

    def __iter__(self):
        """One generator of random numbers a step; saves every five minutes and at the end."""
        saved = time.monotonic()
        while self.step < self.options.steps:
            rest(self.options.pause)
            start = time.monotonic()
            torch.manual_seed(self.options.seed * 1_000_003 + self.step)
            yield np.random.default_rng((self.options.seed, self.step))
            self.seconds += time.monotonic() - start
            if time.monotonic() - saved > 300:
                self.save()
                saved = time.monotonic()
        self.save()

    def descend(self, loss: torch.Tensor, shown: float | None = None) -> None:
        """One step down `loss`; the curve gets `shown` in its place where that says more."""
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.module.parameters(), 1.0)
        for group in self.muon.param_groups:
            group["lr"] = group["base"] * decay(self.step / self.options.steps)
        self.muon.step()
        self.muon.zero_grad(set_to_none=True)
        self.average.update(self.module)
        self.step += 1
        self.losses.append(loss.item() if shown is None else shown)
        if self.step % self.every == 0:
            row = {"step": self.step, "loss": round(float(np.mean(self.losses)), 6), "seconds": round(self.seconds)}
            with open(self.curve, "a") as curve:
                curve.write(json.dumps(row) + "\n")
            print(row, flush=True)
            self.losses = []

    def averaged(self) -> dict[str, torch.Tensor]:
        """The module's state with its parameters replaced by their averages."""
        current = {key: value.clone() for key, value in self.module.state_dict().items()}
        self.average.copy_to(self.module)
        averaged = {key: value.clone() for key, value in self.module.state_dict().items()}
        self.module.load_state_dict(current)
        return averaged

    def save(self) -> None:
        """A checkpoint that appears whole or not at all."""
        part = self.path.with_suffix(".part")
        torch.save(dict(model=self.module.state_dict(), average=self.averaged(), average_values=self.average.values,
                        optimizer=self.muon.state_dict(), step=self.step, seconds=self.seconds), part)
        part.rename(self.path)


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


def averaged(path: pathlib.Path, prefix: str = "") -> dict[str, torch.Tensor]:
    """A checkpoint's averaged weights whose names begin with `prefix`, without it."""
    state = torch.load(path, map_location="cpu")["average"]
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def orthogonalized(update: torch.Tensor) -> torch.Tensor:
    """The nearest semi-orthogonal matrix, roughly: four quintic Newton-Schulz steps.

    Each step multiplies by a polynomial of the square of the matrix, so they are done on the small square alone; in
    bfloat16 where the hardware multiplies it, as Muon's author does.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = update.bfloat16() if HAS_BFLOAT16 else update
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / (x.norm() + 1e-7)
    gram, whole = x @ x.T, None
    for step in range(4):
        factor = torch.addmm(gram, gram, gram, beta=b, alpha=c)
        factor.diagonal().add_(a)
        whole = factor if whole is None else factor @ whole
        if step < 3:
            gram = factor @ gram @ factor
    x = whole @ x
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """Muon (Jordan et al. 2024) for matrices and convolutions; AdamW for groups with `matrices=False`."""

    def __init__(self, groups: list[dict]):
        super().__init__(groups, dict(lr=0.0, matrices=False, momentum=0.95, betas=(0.9, 0.99), weight_decay=0.0))

    def slow_down(self, parameters: set[torch.nn.Parameter], factor: float) -> None:
        """Lowers the rates of some parameters: of a part that has been trained already."""
        groups = []
        for group in self.param_groups:
            for slow in (False, True):
                chosen = [p for p in group["params"] if (p in parameters) == slow]
                if chosen:
                    groups.append({**group, "params": chosen, "base": group["base"] * (factor if slow else 1)})
        self.param_groups = groups

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

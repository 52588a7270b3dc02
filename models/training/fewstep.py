"""Teaches a student to draw in few steps: OUT/MEMBER-few.pt, or with --rank a LoRA, OUT/MEMBER-lora.safetensors.

Progressive distillation (Salimans and Ho 2022) on one grid: at each time of the grid the student learns the one answer
whose DDIM step lands where several steps of its teacher land. The teacher is the member itself as it was.
"""
import copy
import json

import torch
from safetensors.torch import save_file

from common import DEVICE, Run, arguments, autocast, averaged, optimizer
from teach import guided_velocity, networks
from text import tokens
from unet import MEMBERS, SCHEDULE, Scenes, alphas, create


def ddim(sample: torch.Tensor, velocity: torch.Tensor, now: torch.Tensor, then: torch.Tensor) -> torch.Tensor:
    """One deterministic step between the cumulative alphas `now` and `then` (Song et al. 2021), for v-prediction."""
    clean = now.sqrt() * sample - (1 - now).sqrt() * velocity
    noise = (1 - now).sqrt() * sample + now.sqrt() * velocity
    return then.sqrt() * clean + (1 - then).sqrt() * noise


def velocity_between(sample: torch.Tensor, landed: torch.Tensor, now: torch.Tensor, then: torch.Tensor) -> torch.Tensor:
    """The v-prediction whose `ddim` step from `sample` lands on `landed`."""
    along = (then * now).sqrt() + ((1 - then) * (1 - now)).sqrt()
    across = ((1 - then) * now).sqrt() - (then * (1 - now)).sqrt()
    return (landed - along * sample) / across


class LowRank(torch.nn.Module):
    """A linear layer or convolution with a trainable update of low rank (Hu et al. 2021), zero at first."""

    def __init__(self, layer: torch.nn.Module, rank: int):
        super().__init__()
        self.layer = layer.requires_grad_(False)
        if isinstance(layer, torch.nn.Conv2d):
            self.down = torch.nn.Conv2d(layer.in_channels, rank, layer.kernel_size, layer.stride, layer.padding, bias=False)
            self.up = torch.nn.Conv2d(rank, layer.out_channels, 1, bias=False)
        else:
            self.down = torch.nn.Linear(layer.in_features, rank, bias=False)
            self.up = torch.nn.Linear(rank, layer.out_features, bias=False)
        torch.nn.init.zeros_(self.up.weight)

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        return self.layer(value) + self.up(self.down(value))


def lower(module: torch.nn.Module, rank: int) -> None:
    """Wraps every linear layer and convolution that is at least four times as wide as `rank`."""
    for name, child in module.named_children():
        if isinstance(child, (torch.nn.Linear, torch.nn.Conv2d)) and min(child.weight.shape[:2]) >= 4 * rank:
            setattr(module, name, LowRank(child, rank))
        else:
            lower(child, rank)


def low_rank_weights(student: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The updates under the names that diffusers gives them."""
    weights = {}
    for name, module in student.named_modules():
        if isinstance(module, LowRank):
            weights[f"unet.{name}.lora_A.weight"] = module.down.weight.detach().half().cpu().contiguous()
            weights[f"unet.{name}.lora_B.weight"] = module.up.weight.detach().half().cpu().contiguous()
    return weights


def main() -> None:
    parser = arguments(__doc__, steps=300, batch=64)
    parser.add_argument("--member", choices=MEMBERS, required=True)
    parser.add_argument("--grid", type=int, default=4, help="steps that the student takes")
    parser.add_argument("--substeps", type=int, default=4, help="steps of the teacher for one of the student's")
    parser.add_argument("--rank", type=int, default=0, help="train a LoRA of this rank instead")
    parser.add_argument("--matrix-rate", type=float, default=0.005)
    parser.add_argument("--rate", type=float, default=2e-4)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    teacher, text, tokenizer = networks(options.out)
    guided = options.member == "base"  # the others hold the guidance already
    if not guided:
        teacher = create(options.member)
        teacher.load_state_dict(averaged(options.out / f"{options.member}.pt", "unet."))
    teacher = teacher.to(DEVICE, memory_format=torch.channels_last).eval().requires_grad_(False)
    student = copy.deepcopy(teacher).requires_grad_(not options.rank)
    if options.rank:
        lower(student, options.rank)
    scenes = Scenes(options.out, json.loads((options.out / "scale.json").read_text()))
    cumulative = torch.cat([alphas(), torch.ones(1, device=DEVICE)])  # the last: no noise at all, time -1
    spacing = SCHEDULE["num_train_timesteps"] // (options.grid * options.substeps)
    muon = optimizer(student, options.matrix_rate, options.rate, ("conv_in.", "conv_out."))
    run = Run(f"{options.member}-lora" if options.rank else f"{options.member}-few", options, student, muon)
    for generator in run:
        clean, texts = scenes.draw(options.batch, generator)
        with torch.no_grad():
            states = text(tokens(tokenizer, texts, full=True).to(DEVICE)).last_hidden_state
            empty = text(tokens(tokenizer, [""], full=True).to(DEVICE)).last_hidden_state
            interval = SCHEDULE["num_train_timesteps"] // options.grid
            times = (options.grid - torch.arange(options.batch, device=DEVICE) % options.grid) * interval - 1
            first = cumulative[times][:, None, None, None]
            noisy = first.sqrt() * clean + (1 - first).sqrt() * torch.randn_like(clean)
            landed, now = noisy, times
            for _ in range(options.substeps):
                then = now - spacing
                if guided:
                    velocity = guided_velocity(teacher, landed, now, states, empty)
                else:
                    with autocast():
                        velocity = teacher(landed, now, states).sample.float()
                landed = ddim(landed, velocity, *(cumulative[time][:, None, None, None] for time in (now, then)))
                now = then
            target = velocity_between(noisy, landed, first, cumulative[now][:, None, None, None])
        with autocast():
            output = student(noisy.contiguous(memory_format=torch.channels_last), times, states).sample
        run.descend((output.float() - target).square().mean())
    if options.rank:
        student.load_state_dict(run.averaged())
        save_file(low_rank_weights(student), options.out / f"{options.member}-lora.safetensors")


if __name__ == "__main__":
    main()

"""Trains the judge of evaluation, OUT/judge.pt: a dual encoder of pictures and words.

The picture's embedding is compared with those of 1,500 concepts, each read from its name and keywords; a head tells the
background colour. It never sees a drawing that the denoiser trains on: of the concepts that the family draws it knows the
one style that `captions.held_out` keeps from generation.
"""
import pathlib
import re

import numpy as np
import torch

from captions import concepts, trained_on
from common import BACKGROUNDS, DEVICE, Run, arguments, autocast, composite, open_pictures, optimizer

SIDE, WIDTH, CONCEPTS = 64, 192, 1500
PALETTE = np.array(list(BACKGROUNDS.values()))


def convolutions(*layers: tuple[int, int]) -> torch.nn.Sequential:
    """3x3 convolutions of an RGB picture, each of (channels, stride), with normalization and activation."""
    modules, inside = [], 3
    for outside, stride in layers:
        modules += [torch.nn.Conv2d(inside, outside, 3, stride, 1), torch.nn.GroupNorm(8, outside), torch.nn.SiLU()]
        inside = outside
    return torch.nn.Sequential(*modules)


def pooled(maps: torch.Tensor) -> torch.Tensor:
    """Means and maxima of maps `[N, C, H, W]`: `[N, 2 C]`."""
    return torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], dim=1)


class Judge(torch.nn.Module):
    """Pictures `[N, 3, 64, 64]` and concepts as bags of words, both to `[N, 192]` of length one."""

    def __init__(self, vocabulary: int):
        super().__init__()
        self.picture = convolutions((32, 1), (64, 2), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (256, 2))
        self.embedding = torch.nn.Linear(2 * 256, WIDTH)
        self.background = torch.nn.Linear(2 * 256, len(BACKGROUNDS))
        self.words = torch.nn.EmbeddingBag(vocabulary, WIDTH, mode="mean")
        self.scale = torch.nn.Parameter(torch.tensor(2.5))

    def look(self, pictures: torch.Tensor) -> torch.Tensor:
        """Features `[N, 512]`."""
        return pooled(self.picture(pictures.contiguous(memory_format=torch.channels_last)))

    def read(self, bags: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(self.words(bags, offsets), dim=1)

    def compare(self, features: torch.Tensor, concepts: torch.Tensor) -> torch.Tensor:
        """Logits `[N, C]`."""
        return self.scale.exp() * torch.nn.functional.normalize(self.embedding(features), dim=1) @ concepts.T


class Concepts:
    """The 1,500 candidates: all that the family draws, then the most drawn; and their words."""

    def __init__(self, rows: list[dict]):
        drawn: dict[str, list[dict]] = {}
        for row in rows:
            drawn.setdefault(row["name"], []).append(row)
        family = [name for name in concepts() if name in drawn]
        others = sorted((name for name in drawn if name not in concepts()), key=lambda name: -len(drawn[name]))
        self.names = (family + others)[:CONCEPTS]
        bags = [sorted({f"={name}", *re.findall(r"[a-z0-9]+", " ".join([name, *drawn[name][0]["keywords"]]).lower())})
                for name in self.names]
        words = {word: number for number, word in enumerate(sorted({word for bag in bags for word in bag}))}
        self.vocabulary = len(words)
        self.bags = torch.tensor([words[word] for bag in bags for word in bag], device=DEVICE)
        self.offsets = torch.tensor(np.cumsum([0] + [len(bag) for bag in bags[:-1]]), device=DEVICE)


def shrink(pictures: torch.Tensor) -> torch.Tensor:
    """Square pictures `[N, C, H, H]` to the judge's side."""
    return torch.nn.functional.avg_pool2d(pictures, pictures.shape[-1] // SIDE)


def augmented(drawings: np.ndarray, colours: np.ndarray, generator: np.random.Generator) -> torch.Tensor:
    """Drawings `[N, 64, 64, 4]`, moved and scaled at random, on colours `[N, 3]`: `[N, 3, 64, 64]`."""
    count = len(drawings)
    pixels = torch.from_numpy(drawings).to(DEVICE).float().permute(0, 3, 1, 2) / 255
    sides = torch.from_numpy(np.where(generator.random(count) < 0.6, 1, generator.uniform(0.5, 1, count))).float()
    places = torch.from_numpy(generator.uniform(-1, 1, (count, 2))).float() * (1 - sides)[:, None]
    transform = torch.zeros(count, 2, 3)
    transform[:, 0, 0] = transform[:, 1, 1] = 1 / sides
    transform[:, :, 2] = -places / sides[:, None]
    grid = torch.nn.functional.affine_grid(transform.to(DEVICE), (count, 4, SIDE, SIDE), align_corners=False)
    pixels = torch.nn.functional.grid_sample(pixels, grid, align_corners=False)
    behind = torch.from_numpy(colours).to(DEVICE).float()[:, :, None, None] / 255
    result = (pixels[:, :3] + behind * (1 - pixels[:, 3:])) * 2 - 1
    blurred = torch.nn.functional.avg_pool2d(result, 3, 1, 1, count_include_pad=False)
    result = torch.lerp(result, blurred, torch.rand(count, 1, 1, 1, device=DEVICE))
    return result + 0.03 * torch.randn_like(result)


def backgrounds(count: int, generator: np.random.Generator) -> np.ndarray:
    """Numbers of background colours `[N]`, white (the first) more often than the others."""
    return np.where(generator.random(count) < 0.3, 0, generator.integers(len(PALETTE), size=count))


@torch.inference_mode()
def figures(judge: Judge, concepts: Concepts, pictures: np.ndarray, rows: list[dict]) -> str:
    """How often a drawing's concept is the first and among the first five, on white, in percent."""
    candidates, shown = judge.read(concepts.bags, concepts.offsets), composite(pictures, np.full((len(rows), 3), 255)).to(DEVICE)
    features = torch.cat([judge.look(shrink(part)) for part in shown.split(64)])
    best = judge.compare(features, candidates).topk(5).indices.cpu().tolist()
    numbers = [concepts.names.index(row["name"]) for row in rows]
    first = np.mean([number == line[0] for number, line in zip(numbers, best)])
    five = np.mean([number in line for number, line in zip(numbers, best)])
    return f"R@1 {100 * first:.1f}, R@5 {100 * five:.1f}"


def train_judge(options, known: Concepts, rows: list[dict], chosen: list[int], family: np.ndarray, pictures: np.ndarray) -> Judge:
    """The dual encoder; a fifth of what it sees is of the family's concepts."""
    number = {name: index for index, name in enumerate(known.names)}
    factor = pictures.shape[1] // SIDE
    drawings = np.stack([pictures[i].reshape(SIDE, factor, SIDE, factor, 4).mean(axis=(1, 3)).astype(np.uint8) for i in chosen])
    shares = np.where(family, 0.2 / family.sum(), 0.8 / (~family).sum())
    judge = Judge(known.vocabulary).to(DEVICE, memory_format=torch.channels_last)
    run = Run("judge", options, judge, optimizer(judge, 0.02, 3e-3, ("words.", "picture.0.", "background.")), every=50)
    cross_entropy = torch.nn.functional.cross_entropy
    for generator in run:
        picks = generator.choice(len(chosen), options.batch, p=shares)
        colours = backgrounds(options.batch, generator)
        batch = augmented(drawings[picks], PALETTE[colours], generator)
        with autocast():
            features = judge.look(batch).float()
        logits = judge.compare(features, judge.read(known.bags, known.offsets))
        named = cross_entropy(logits, torch.tensor([number[rows[chosen[pick]]["name"]] for pick in picks], device=DEVICE))
        told = cross_entropy(judge.background(features), torch.from_numpy(colours).to(DEVICE))
        run.descend(named + 0.3 * told, shown=named.item())
    judge.load_state_dict(run.averaged())
    return judge


def main() -> None:
    parser = arguments(__doc__, steps=1500, batch=96)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="what prepare.py wrote")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    pictures, rows = open_pictures(options.data)
    names, known = concepts(), Concepts(rows)
    generated = trained_on(rows, names)
    chosen = [index for index in range(len(rows)) if rows[index]["name"] in known.names and index not in generated]
    family = np.array([rows[index]["name"] in names for index in chosen])
    kept = [chosen[n] for n in np.flatnonzero(family)]
    judge = train_judge(options, known, rows, chosen, family, pictures)
    for title, part in (("kept for evaluation", kept), ("of generation, never seen", generated)):
        print(f"drawings {title}: {figures(judge, known, pictures[part], [rows[index] for index in part])}", flush=True)


if __name__ == "__main__":
    main()

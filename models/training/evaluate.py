"""What each member is worth at each precision and number of steps, drawn by latentd and judged by `judge.py`.

Writes the figures to --out (JSON) and into the manifests (`quality`, `measured_quality`), where the planner finds them.

Prompts: --count pairs of a concept and the style that generation never trained on, each on a background, drawn by the seed
alone; --pairs prompts that name two things. Figures: R@1, R@5 of the concept among 1,500; how often the style and the
background are told right; the Frechet distance of the judge's own features to those of the drawings themselves; how often
both of two things are among the first five of one half of the picture each. "drawings" are the real ones: the ceiling.
"""
import argparse
import json
import pathlib

import numpy as np
import torch
from PIL import Image

from captions import STYLES, Scene, article, concepts, held_out
from common import BACKGROUNDS, averaged, open_pictures
from drawing import draw
from judge import Concepts, Judge, shrink
from scenes import compose


class Critic:
    """The trained judge with its candidates."""

    def __init__(self, path: pathlib.Path, rows: list[dict]):
        self.known = Concepts(rows)
        self.judge = Judge(self.known.vocabulary)
        self.judge.load_state_dict(averaged(path))
        self.judge.eval().requires_grad_(False)
        self.candidates = self.judge.read(self.known.bags, self.known.offsets)

    def first(self, features: torch.Tensor, k: int) -> list[list[str]]:
        """The k best names of each picture."""
        best = self.judge.compare(features, self.candidates).topk(k).indices
        return [[self.known.names[number] for number in line] for line in best.tolist()]

    def singles(self, pictures: torch.Tensor, asked: list[dict], real: torch.Tensor) -> dict[str, float]:
        """The figures of pictures `[N, 3, 128, 128]` of one thing each."""
        features = torch.cat([self.judge.look(shrink(part)) for part in pictures.split(64)])
        names = self.first(features, 5)
        style, background = self.judge.style(features).argmax(1), self.judge.background(features).argmax(1)
        styles, colours = list(STYLES), list(BACKGROUNDS)

        def share(hits) -> float:
            return round(100 * float(np.mean(list(hits))), 1)

        return {"r1": share(line[0] == one["name"] for line, one in zip(names, asked)),
                "r5": share(one["name"] in line for line, one in zip(names, asked)),
                "style": share(styles[s] == one["style"] for s, one in zip(style, asked)),
                "colour": share(colours[b] == one["background"] for b, one in zip(background, asked)),
                "frechet": round(frechet(features.numpy(), real.numpy()), 2)}

    def pairs(self, pictures: torch.Tensor, asked: list[dict]) -> float:
        """How often both things are found, each in a half of its own, in percent."""
        found = []
        for picture, one in zip(pictures, asked):
            picture = picture if one["layout"] == "beside" else picture.transpose(1, 2)
            halves = torch.stack([picture[:, 32:96, :64], picture[:, 32:96, 64:]])
            if one["layout"] != "beside":
                halves = halves.transpose(2, 3)
            first, second = self.first(self.judge.look(halves), 5)
            one_way = one["names"][0] in first and one["names"][1] in second
            found.append(one_way or (one["names"][1] in first and one["names"][0] in second))
        return round(100 * float(np.mean(found)), 1)


def frechet(one: np.ndarray, other: np.ndarray) -> float:
    """The Frechet distance of two sets of features `[N, D]` as normal distributions (Heusel et al. 2017)."""
    def moments(features):
        return features.mean(0), np.cov(features, rowvar=False)

    (mean, covariance), (other_mean, other_covariance) = moments(one.astype(np.float64)), moments(other.astype(np.float64))
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    between = np.linalg.eigvalsh(root @ other_covariance @ root)
    return float(((mean - other_mean) ** 2).sum() + np.trace(covariance) + np.trace(other_covariance)
                 - 2 * np.sqrt(between.clip(0)).sum())


def single_prompts(rows, names, count, generator) -> list[dict]:
    held, colours, asked = held_out(rows, names), list(BACKGROUNDS), []
    order = [name for name in names if any(row["name"] == name and row["style"] == held[name] for row in rows)]
    for number in range(count):
        name, background = order[number % len(order)], colours[generator.integers(len(colours))]
        prompt = f"{article(name)} {name}, {STYLES[held[name]]}, on {article(background)} {background} background"
        asked.append({"name": name, "style": held[name], "background": background, "prompt": prompt.lower()})
    return asked


def pair_prompts(names, count, generator) -> list[dict]:
    asked = []
    for _ in range(count):
        one, other = (str(name) for name in generator.choice(list(names), 2, replace=False))
        layout = str(generator.choice(["beside", "above"]))
        prompt = f"{article(one)} {one} {'next to' if layout == 'beside' else 'above'} {article(other)} {other}"
        asked.append({"names": (one, other), "layout": layout, "prompt": f"{prompt}, fluent 3d style".lower()})
    return asked


def tensor(pictures: list[Image.Image]) -> torch.Tensor:
    """`[N, 3, H, W]` in -1 ... 1."""
    return torch.stack([torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1) for picture in pictures]).float() / 127.5 - 1


def main() -> None:
    here = pathlib.Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="what prepare.py wrote")
    parser.add_argument("--judge", type=pathlib.Path, required=True, help="judge.pt")
    parser.add_argument("--binaries", type=pathlib.Path, required=True, help="the folder of latentd")
    parser.add_argument("--models", type=pathlib.Path, default=here.parent)
    parser.add_argument("--ways", nargs="+", required=True, metavar="MODEL:PRECISION:STEPS")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, default=here / "quality.json", help="figures of other ways there stay")
    options = parser.parse_args()
    pictures, rows = open_pictures(options.data)
    names, generator = concepts(), np.random.default_rng(options.seed)
    critic = Critic(options.judge, rows)
    singles, pairs = single_prompts(rows, names, options.count, generator), pair_prompts(names, options.pairs, generator)

    held = {(row["name"], row["style"]): index for index, row in enumerate(rows)}
    drawings = torch.stack([compose(Scene([held[one["name"], one["style"]]], background=one["background"]), pictures)
                            for one in singles])
    real = torch.cat([critic.judge.look(shrink(part)) for part in drawings.split(64)])
    table = {row["way"]: row for row in (json.loads(options.out.read_text()) if options.out.exists() else [])}
    table["drawings"] = {"way": "drawings", "count": len(singles), **critic.singles(drawings, singles, real)}
    for way in options.ways:
        model, precision, steps = way.split(":")
        jobs = [{"prompt": one["prompt"], "seed": n, "model": model, "precision": precision, "steps": int(steps)}
                for n, one in enumerate([*singles, *pairs])]
        drawn = tensor([picture for picture, _ in draw(options.binaries, options.models, jobs)])
        table[way] = {"way": way, "count": len(singles), **critic.singles(drawn[:len(singles)], singles, real),
                      "pairs": critic.pairs(drawn[len(singles):], pairs)}
        print(table[way], flush=True)
        options.out.write_text("[\n" + ",\n".join(map(json.dumps, table.values())) + "\n]\n")
    figures = [(*way.split(":"), row) for way, row in table.items() if way != "drawings"]
    for model in {model for model, _, _, _ in figures}:
        write_quality(options.models / model / "latentd.json",
                      [(precision, int(steps), row) for name, precision, steps, row in figures if name == model])


def write_quality(path: pathlib.Path, figures: list[tuple[str, int, dict]]) -> None:
    """The manifest's quality of each (precision, steps): the mean of R@5, style and colour, in percent."""
    manifest = json.loads(path.read_text())
    worth = {(precision, steps): round((row["r5"] + row["style"] + row["colour"]) / 3, 1) for precision, steps, row in figures}
    manifest["quality"] = max(worth.values())
    manifest["measured_quality"] = [{"precision": precision, "steps": steps, "quality": quality}
                                    for (precision, steps), quality in sorted(worth.items(), key=lambda item: item[0])]
    path.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()

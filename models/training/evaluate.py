"""What each member is worth at each precision and number of steps, drawn by latentd and judged by `judge.py`.

Writes the figures to --out (JSON) and into the manifests (`quality`, `measured_quality`), where the planner finds them.

Prompts, drawn by the seed alone: --count of a concept in the style that is kept for evaluation, each on a background; --pairs that
name two things; --drawn in the styles that generation trains on; --unseen of a concept in a style that nobody drew it in.
Figures: R@1, R@5 of the concept among 1,500; how often the style asked for is that of the concept's nearest drawing, for kept and
for trained styles; how often the background is told right; the Frechet distance of the judge's own features to those of the
drawings themselves; how often both of two things are among the first five of one half of the picture each; R@5 of what
nobody drew. "drawings" are the real ones, as they are and after the autoencoders: the ceiling.
"""
import argparse
import json
import pathlib

import numpy as np
import torch
from diffusers import AutoencoderTiny
from PIL import Image

from captions import STYLES, Scene, article, concepts, held_out
from common import BACKGROUNDS, averaged, open_pictures
from drawing import draw
from judge import Concepts, Judge, shrink
from scenes import compose


class Critic:
    """The trained judge with its candidates, and the drawings of each concept."""

    def __init__(self, path: pathlib.Path, pictures: np.ndarray, rows: list[dict]):
        self.known = Concepts(rows)
        self.judge = Judge(self.known.vocabulary)
        self.judge.load_state_dict(averaged(path))
        self.judge.eval().requires_grad_(False)
        self.pictures, self.drawn = pictures, {(row["name"], row["style"]): index for index, row in enumerate(rows)}
        self.candidates = self.judge.read(self.known.bags, self.known.offsets)
        self.composed: dict[tuple[str, str], dict[str, torch.Tensor]] = {}

    def first(self, features: torch.Tensor, k: int) -> list[list[str]]:
        """The k best names of each picture."""
        best = self.judge.compare(features, self.candidates).topk(k).indices
        return [[self.known.names[number] for number in line] for line in best.tolist()]

    def singles(self, pictures: torch.Tensor, asked: list[dict]) -> tuple[dict[str, float], torch.Tensor]:
        """The figures of pictures `[N, 3, 128, 128]` of one thing each, and their features `[N, 512]`."""
        features = torch.cat([self.judge.look(shrink(part)) for part in pictures.split(64)])
        names = self.first(features, 5)
        background = self.judge.background(features).argmax(1)
        colours = list(BACKGROUNDS)
        return {"r1": share(line[0] == one["name"] for line, one in zip(names, asked)),
                "r5": share(one["name"] in line for line, one in zip(names, asked)),
                "colour": share(colours[b] == one["background"] for b, one in zip(background, asked))}, features

    def styles(self, pictures: torch.Tensor, asked: list[dict]) -> float:
        """How often a picture is nearest, of the drawings of its concept in all styles, to the one in the style asked for, in percent."""
        hits = []
        for picture, one in zip(pictures, asked):
            drawings = self.drawings(one["name"], one["background"])
            hits.append(min(drawings, key=lambda style: distance(picture, drawings[style])) == one["style"])
        return share(hits)

    def drawings(self, name: str, background: str) -> dict[str, torch.Tensor]:
        """The drawings `[3, 128, 128]` of a concept on a background by style, composed once."""
        if (name, background) not in self.composed:
            self.composed[name, background] = {
                style: compose(Scene([self.drawn[name, style]], background=background), self.pictures)
                for style in STYLES if (name, style) in self.drawn}
        return self.composed[name, background]

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
        return share(found)


def share(hits) -> float:
    """How many are true, in percent."""
    return round(100 * float(np.mean(list(hits))), 1)


def distance(one: torch.Tensor, other: torch.Tensor) -> float:
    """The mean absolute difference of pictures `[3, H, W]`, added up over four scales, each half of the one before."""
    difference, total = (one - other)[None], 0.0
    for _ in range(4):
        total += difference.abs().mean().item()
        difference = torch.nn.functional.avg_pool2d(difference, 2)
    return total


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


def single_prompts(pairs: list[tuple[str, str]], count: int, generator: np.random.Generator) -> list[dict]:
    """Prompts for each of the (concept, style) pairs by turns."""
    colours, asked = list(BACKGROUNDS), []
    for number in range(count):
        (name, style), background = pairs[number % len(pairs)], colours[generator.integers(len(colours))]
        prompt = f"{article(name)} {name}, {STYLES[style]}, on {article(background)} {background} background"
        asked.append({"name": name, "style": style, "background": background, "prompt": prompt.lower()})
    return asked


def pair_prompts(pairs: list[tuple[str, str]], count: int, generator: np.random.Generator) -> list[dict]:
    """Prompts for two things in the one style in which the judge knows both."""
    asked = []
    for _ in range(count):
        one, style = pairs[generator.integers(len(pairs))]
        other = str(generator.choice([name for name, own in pairs if own == style and name != one]))
        layout = str(generator.choice(["beside", "above"]))
        prompt = f"{article(one)} {one} {'next to' if layout == 'beside' else 'above'} {article(other)} {other}"
        asked.append({"names": (one, other), "style": style, "layout": layout, "prompt": f"{prompt}, {STYLES[style]}".lower()})
    return asked


def tensor(pictures: list[Image.Image]) -> torch.Tensor:
    """`[N, 3, H, W]` in -1 ... 1."""
    return torch.stack([torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1) for picture in pictures]).float() / 127.5 - 1


class Examination:
    """The prompts, the drawings that answer those of which there are any, and the marks for what somebody drew."""

    def __init__(self, critic: Critic, pictures: np.ndarray, rows: list[dict], options: argparse.Namespace):
        self.critic, generator = critic, np.random.default_rng(options.seed)
        drawn = {(row["name"], row["style"]): index for index, row in enumerate(rows)}
        kept = [pair for pair in held_out(rows, concepts()).items() if pair in drawn]
        trained = [(name, style) for name in concepts() for style in STYLES if (name, style) in drawn and (name, style) not in kept]
        never = [(name, style) for name in concepts() for style in STYLES if (name, style) not in drawn]
        self.singles = single_prompts(kept, options.count, generator)
        self.pairs = pair_prompts(kept, options.pairs, generator)
        self.unseen = single_prompts(never, options.unseen, generator)
        self.drawn = single_prompts([trained[n] for n in generator.permutation(len(trained))], options.drawn, generator)

        def alone(asked: list[dict]) -> list[Scene]:
            return [Scene([drawn[one["name"], one["style"]]], background=one["background"]) for one in asked]

        scenes = alone(self.singles)
        scenes += [Scene([drawn[name, one["style"]] for name in one["names"]], one["layout"], size=0.48) for one in self.pairs]
        scenes += alone(self.drawn)
        self.drawings = torch.stack([compose(scene, pictures) for scene in scenes])
        self.features = critic.singles(self.drawings[:len(self.singles)], self.singles)[1]

    def prompts(self) -> list[str]:
        return [one["prompt"] for one in [*self.singles, *self.pairs, *self.drawn, *self.unseen]]

    def marks(self, pictures: torch.Tensor) -> dict[str, float]:
        """The figures of pictures `[N, 3, 128, 128]` in the order of `prompts`; they may end before the unseen."""
        ends = np.cumsum([len(self.singles), len(self.pairs), len(self.drawn)])
        singles, pairs, trained, unseen = pictures.tensor_split(ends.tolist())
        figures, features = self.critic.singles(singles, self.singles)
        figures |= {"style": self.critic.styles(singles, self.singles), "drawn_style": self.critic.styles(trained, self.drawn),
                    "frechet": round(max(frechet(features.numpy(), self.features.numpy()), 0), 2), "pairs": self.critic.pairs(pairs, self.pairs)}
        if len(unseen):
            figures["unseen_r5"] = self.critic.singles(unseen, self.unseen)[0]["r5"]
        return figures


@torch.inference_mode()
def main() -> None:
    here = pathlib.Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="what prepare.py wrote")
    parser.add_argument("--judge", type=pathlib.Path, required=True, help="judge.pt")
    parser.add_argument("--binaries", type=pathlib.Path, required=True, help="the folder of latentd")
    parser.add_argument("--models", type=pathlib.Path, default=here.parent)
    parser.add_argument("--ways", nargs="+", required=True, metavar="MODEL:PRECISION:STEPS")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--drawn", type=int, default=500)
    parser.add_argument("--unseen", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, default=here / "quality.json", help="figures of other ways there stay")
    options = parser.parse_args()
    pictures, rows = open_pictures(options.data)
    examination = Examination(Critic(options.judge, pictures, rows), pictures, rows, options)
    table = {row["way"]: row for row in (json.loads(options.out.read_text()) if options.out.exists() else [])}

    def enter(way: str, drawn: torch.Tensor) -> None:
        table[way] = {"way": way, "count": options.count, **examination.marks(drawn)}
        print(table[way], flush=True)
        options.out.write_text("[\n" + ",\n".join(map(json.dumps, table.values())) + "\n]\n")

    if "drawings" not in table:
        enter("drawings", examination.drawings)
    for model in ("emoji", "emoji-tiny"):
        if f"drawings:{model}/vae" in table:
            continue
        vae = AutoencoderTiny.from_pretrained(options.models / model / "vae").float().eval()
        enter(f"drawings:{model}/vae", torch.cat([vae.decoder(vae.encoder(part)).clamp(-1, 1) for part in examination.drawings.split(32)]))
    for way in options.ways:
        model, precision, steps = way.split(":")
        jobs = [{"prompt": prompt, "seed": number, "model": model, "precision": precision, "steps": int(steps)}
                for number, prompt in enumerate(examination.prompts())]
        enter(way, tensor([picture for picture, _ in draw(options.binaries, options.models, jobs)]))
    figures = [(*way.split(":"), row) for way, row in table.items() if not way.startswith("drawings")]
    for model in {model for model, _, _, _ in figures}:
        write_quality(options.models / model / "latentd.json",
                      [(precision, int(steps), row) for name, precision, steps, row in figures if name == model])


def write_quality(path: pathlib.Path, figures: list[tuple[str, int, dict]]) -> None:
    """The manifest's quality of each (precision, steps), in percent, where it comes from most prompts.

    It is the mean of R@5, colour, the style where generation trained on it, and both of two things; never more than that of a wider
    precision in as many steps, since what rounding seems to add is chance.
    """
    manifest = json.loads(path.read_text())
    widest_first = manifest["precisions"]
    offered = [figure for figure in figures if figure[0] in widest_first]
    most = max((row["count"] for _, _, row in offered), default=0)
    worth: dict[tuple[str, int], float] = {}
    for precision, steps, row in sorted(offered, key=lambda figure: widest_first.index(figure[0])):
        if row["count"] == most:
            own = round(sum(row[figure] for figure in ("r5", "colour", "drawn_style", "pairs")) / 4, 1)
            worth[precision, steps] = min([own, *(wider for (_, count), wider in worth.items() if count == steps)])
    if not worth:
        return
    manifest["quality"] = max(worth.values())
    manifest["measured_quality"] = [{"precision": precision, "steps": steps, "quality": quality}
                                    for (precision, steps), quality in sorted(worth.items(), key=lambda item: item[0])]
    path.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()

"""What each member is worth at each precision and number of steps, drawn by latentd and judged by `judge.py`.

Writes the figures to --out (JSON) and into the manifests (`quality`, `measured_quality`), where the planner finds them.

Prompts, drawn by the seed alone: --count of a concept in the style that is kept for evaluation, each on a background; --pairs that
name two things; --drawn in the styles that generation trains on; --unseen of a concept in a style that nobody drew it in. The first
two are asked in the trained order, and then again in five other phrasings by turns, each with the noise of its twin; and the 500 prompts
of `plain-prompts.txt`, as people write them.
Figures: R@1, R@5 of the concept among 1,500; how often the style asked for is that of the concept's nearest drawing, for kept and
for trained styles; how often the background is told right; the Frechet distance of the judge's own features to those of the
drawings themselves, and of those at the drawings' full size, which tell sharp lines from soft ones; how often both of two things
are among the first five of one half of the picture each; R@5 of what nobody drew. `said_` are the same of the other phrasings,
`filler` is by how much words that say nothing change R@5, `plain_` are of the 500 prompts: where a style is named, of those drawn in it;
`plain_count` how often a thing that is asked for two to four times is found in all places where it belongs.
"drawings" are the real ones, as they are and after the autoencoders: the ceiling.
"""
import argparse
import json
import pathlib

import numpy as np
import torch
from diffusers import AutoencoderTiny
from PIL import Image

from captions import DEFAULT_STYLE, STYLES, Scene, article, concepts, expectations, held_out
from common import BACKGROUNDS, averaged, open_pictures
from drawing import draw
from judge import Concepts, Judge, shrink
from scenes import centres, compose

#: Other ways to ask for {thing} with its article or {name} without, in a style, on a {background}; {ordered} is the trained order.
PHRASINGS = ("please draw me a picture of {ordered}, thank you", "on {a} {background} background, {thing}, in {style}", "{name} {background} background {style}",
             "could you make {thing} in {style}? the background should be {background}", "{style}: {thing} in front of something {background}")


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
        """The figures of square pictures `[N, 3, H, H]` of one thing each, and their features `[N, 512]`.

        Who asks for one of several things names them in `things`.
        """
        features = self.features(shrink, pictures)
        names = self.first(features, 5)
        background = self.judge.background(features).argmax(1)
        colours = list(BACKGROUNDS)
        wanted = [set(one["things"][0] if "things" in one else [one["name"]]) for one in asked]
        return {"r1": share(line[0] in those for line, those in zip(names, wanted)),
                "r5": share(bool(those & set(line)) for line, those in zip(names, wanted)),
                "colour": share(colours[b] == one["background"] for b, one in zip(background, asked))}, features

    def features(self, prepare, pictures: torch.Tensor) -> torch.Tensor:
        """Features `[N, 512]` of pictures after `prepare`."""
        return torch.cat([self.judge.look(prepare(part)) for part in pictures.split(32)])

    def styles(self, pictures: torch.Tensor, asked: list[dict]) -> float:
        """How often a picture is nearest, of the drawings of its concept in all styles, to the one in the style asked for, in percent."""
        hits = []
        for picture, one in zip(pictures, asked):
            drawings = self.drawings(one["name"], one["background"])
            hits.append(min(drawings, key=lambda style: distance(picture, drawings[style])) == one["style"])
        return share(hits)

    def drawings(self, name: str, background: str) -> dict[str, torch.Tensor]:
        """The drawings `[3, H, H]` of a concept on a background by style, composed once."""
        if (name, background) not in self.composed:
            self.composed[name, background] = {
                style: compose(Scene([self.drawn[name, style]], background=background), self.pictures)
                for style in STYLES if (name, style) in self.drawn}
        return self.composed[name, background]

    def pairs(self, pictures: torch.Tensor, asked: list[dict]) -> float:
        """How often both things are found, each in a half of its own, in percent; side by side is found one above the other, too, where anyhow will do."""
        found = []
        for picture, one in zip(pictures, asked):
            things = one.get("things") or [[name] for name in one["names"]]
            ways = [picture, picture.transpose(1, 2)]
            ways = ways if "things" in one and one["layout"] == "beside" else ways[one["layout"] != "beside":][:1]
            found.append(any(self.both(way, turned, things) for turned, way in zip((way is not picture for way in ways), ways)))
        return share(found)

    def both(self, picture: torch.Tensor, turned: bool, things: list[list[str]]) -> bool:
        """Whether the left half shows one of the two things, the right half the other; `turned` pictures are the transpose of what is to be seen."""
        side = picture.shape[-1]
        middle = picture[:, side // 4:side - side // 4]
        halves = torch.stack([middle[:, :, :side // 2], middle[:, :, side // 2:]])
        first, second = (set(line) for line in self.first(self.judge.look(shrink(halves.transpose(2, 3) if turned else halves)), 5))
        one, other = (set(group) for group in things)
        return bool(one & first and other & second) or bool(other & first and one & second)

    def counts(self, pictures: torch.Tensor, asked: list[dict]) -> float:
        """How often a thing is found in each of the places where so many belong, in percent."""
        found = []
        for picture, one in zip(pictures, asked):
            side = picture.shape[-1]
            parts = []
            for x, y in centres("count", one["count"], 0.46):
                left, top = (min(max(round(place * side) - side // 4, 0), side - side // 2) for place in (x, y))
                parts.append(picture[:, top:top + side // 2, left:left + side // 2])
            found.append(all(set(one["things"][0]) & set(line) for line in self.first(self.judge.look(shrink(torch.stack(parts))), 5)))
        return share(found)

    def plain(self, pictures: torch.Tensor, asked: list[dict]) -> dict[str, float]:
        """The figures of the 500 prompts."""
        def some(wanted) -> tuple[torch.Tensor, list[dict]]:
            chosen = [n for n, one in enumerate(asked) if wanted(one)]
            return pictures[chosen], [asked[n] for n in chosen]

        alone = self.singles(*some(lambda one: one["layout"] == "full" and not one["unknown"]))[0]
        unknown = self.singles(*some(lambda one: one["unknown"]))[0]
        styled, wishes = some(lambda one: one["style"] and one["layout"] == "full" and not one["unknown"] and (one["things"][0][0], one["style"]) in self.drawn)
        return {"plain_r1": alone["r1"], "plain_r5": alone["r5"], "plain_unknown_r5": unknown["r5"],
                "plain_colour": self.singles(pictures, asked)[0]["colour"],
                "plain_style": self.styles(styled, [{**one, "name": one["things"][0][0]} for one in wishes]),
                "plain_pairs": self.pairs(*some(lambda one: len(one["things"]) == 2)), "plain_count": self.counts(*some(lambda one: one["layout"] == "count"))}


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
        thing = f"{article(name)} {name}"
        ordered = f"{thing}, {STYLES[style]}, on {article(background)} {background} background"
        said = PHRASINGS[number % len(PHRASINGS)].format(ordered=ordered, thing=thing, name=name, style=STYLES[style], a=article(background), background=background)
        asked.append({"name": name, "style": style, "background": background, "prompt": ordered.lower(), "said": said.lower()})
    return asked


def pair_prompts(pairs: list[tuple[str, str]], count: int, generator: np.random.Generator) -> list[dict]:
    """Prompts for two things in the one style in which the judge knows both."""
    asked = []
    for _ in range(count):
        one, style = pairs[generator.integers(len(pairs))]
        other = str(generator.choice([name for name, own in pairs if own == style and name != one]))
        layout = str(generator.choice(["beside", "above"]))
        first, second = (f"{article(name)} {name}" for name in (one, other))
        prompt = f"{first} {'next to' if layout == 'beside' else 'above'} {second}"
        said = [f"please draw {prompt}, {STYLES[style]}, thanks", f"in {STYLES[style]}: {prompt}",
                f"{one} {'and' if layout == 'beside' else 'over'} {other} {STYLES[style]}",
                f"I want {STYLES[style]} and {first} {'beside' if layout == 'beside' else 'on top of'} {second}",
                f"a picture in {STYLES[style]} with {first} {'together with' if layout == 'beside' else 'above'} {second}"][len(asked) % 5]
        asked.append({"names": (one, other), "style": style, "layout": layout, "prompt": f"{prompt}, {STYLES[style]}".lower(), "said": said.lower()})
    return asked


def tensor(pictures: list[Image.Image], side: int) -> torch.Tensor:
    """Bytes less 128, `[N, 3, side, side]`; smaller pictures are enlarged."""
    sized = (picture if picture.width == side else picture.resize((side, side), Image.Resampling.BICUBIC) for picture in pictures)
    return torch.stack([(torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1).short() - 128).to(torch.int8) for picture in sized])


class Examination:
    """The prompts, the drawings that answer those of which there are any, and the marks for what somebody drew."""

    def __init__(self, critic: Critic, pictures: np.ndarray, rows: list[dict], options: argparse.Namespace):
        self.critic, generator = critic, np.random.default_rng(options.seed)
        drawn = {(row["name"], row["style"]): index for index, row in enumerate(rows)}
        names = list(concepts())[:options.concepts]
        kept = [pair for pair in held_out(rows, concepts()).items() if pair in drawn and pair[0] in names]
        trained = [(name, style) for name in names for style in STYLES if (name, style) in drawn and (name, style) not in kept]
        never = [(name, style) for name in names for style in STYLES if (name, style) not in drawn]
        self.singles = single_prompts(kept, options.count, generator)
        self.pairs = pair_prompts(kept, options.pairs, generator)
        self.drawn = single_prompts([trained[n] for n in generator.permutation(len(trained))], options.drawn, generator)
        self.plain = expectations()
        self.unseen = single_prompts(never, options.unseen, generator)

        def alone(asked: list[dict]) -> list[Scene]:
            return [Scene([drawn[one["name"], one["style"]]], background=one["background"]) for one in asked]

        scenes = [*alone(self.singles), *(Scene([drawn[name, one["style"]] for name in one["names"]], one["layout"], size=0.48) for one in self.pairs)]
        scenes = [*scenes, *alone(self.drawn), *scenes, *(answer(one, drawn) for one in self.plain)]
        composed = {}
        for scene in scenes:
            key = (tuple(scene.things), scene.layout, scene.background)
            composed[key] = composed[key] if key in composed else coded(compose(scene, pictures))
        self.keys, self.composed = [(tuple(scene.things), scene.layout, scene.background) for scene in scenes], composed
        self.features = [self.look(self.drawings()[:len(self.singles)], whole) for whole in (False, True)]

    def drawings(self) -> torch.Tensor:
        """The real drawings that answer the prompts, but for those that nobody drew."""
        return torch.stack([self.composed[key] for key in self.keys])

    def look(self, pictures: torch.Tensor, whole: bool) -> np.ndarray:
        """Features, of the judge's size or of the full one."""
        return self.critic.features(pixels if whole else lambda part: shrink(pixels(part)), pictures).numpy()

    def jobs(self) -> list[dict]:
        """What to draw; a prompt in another phrasing has the noise of its twin."""
        twins = [*self.singles, *self.pairs]
        prompts = [*((one["prompt"], number) for number, one in enumerate([*twins, *self.drawn])), *((one["said"], number) for number, one in enumerate(twins)),
                   *((one["prompt"], 100_000 + number) for number, one in enumerate([*self.plain, *self.unseen]))]
        return [{"prompt": prompt, "seed": seed} for prompt, seed in prompts]

    def marks(self, pictures: torch.Tensor) -> dict[str, float]:
        """The figures of pictures `[N, 3, H, H]` of bytes less 128, in the order of `jobs`; they may end before the unseen."""
        ends = np.cumsum([len(part) for part in (self.singles, self.pairs, self.drawn, self.singles, self.pairs, self.plain)])
        parts = pictures.tensor_split(ends.tolist())
        singles, pairs, trained, said, said_pairs, plain, unseen = (pixels(part) for part in parts)
        critic, figures, features = self.critic, *self.critic.singles(singles, self.singles)
        spoken, twins = critic.singles(said, self.singles)[0], range(0, len(self.singles), len(PHRASINGS))
        with_filler, without = (critic.singles(part[list(twins)], [self.singles[n] for n in twins])[0]["r5"] for part in (said, singles))
        figures |= {"style": critic.styles(singles, self.singles), "drawn_style": critic.styles(trained, self.drawn),
                    "frechet": nearness(features.numpy(), self.features[0]), "frechet_whole": nearness(self.look(parts[0], True), self.features[1]),
                    "pairs": critic.pairs(pairs, self.pairs), "said_r5": spoken["r5"], "said_colour": spoken["colour"],
                    "said_pairs": critic.pairs(said_pairs, self.pairs), "filler": round(with_filler - without, 1), **critic.plain(plain, self.plain)}
        if len(unseen):
            figures["unseen_r5"] = critic.singles(unseen, self.unseen)[0]["r5"]
        return figures


def pixels(pictures: torch.Tensor) -> torch.Tensor:
    """Bytes less 128 as -1 ... 1."""
    return (pictures.float() + 0.5) / 127.5


def coded(pictures: torch.Tensor) -> torch.Tensor:
    """The inverse of `pixels`."""
    return (pictures * 127.5 - 0.5).round().to(torch.int8)


def nearness(features: np.ndarray, real: np.ndarray) -> float:
    return round(max(frechet(features, real), 0), 2)


def answer(one: dict, drawn: dict[tuple[str, str], int]) -> Scene:
    """A scene of real drawings for one of the 500 prompts; one style for all, that asked for where it exists."""
    names = [group[0] for group in one["things"]]
    styles = [style for style in (one["style"] or DEFAULT_STYLE, DEFAULT_STYLE, *STYLES) if all((name, style) in drawn for name in names)]
    things = [drawn[name, styles[0]] for name in names]
    layout = one["layout"]
    return Scene(things * one["count"], layout, one["background"], size={"full": 1, "count": 0.46}.get(layout, 0.48))


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
    parser.add_argument("--concepts", type=int, help="ask only for so many of the first concepts")
    parser.add_argument("--size", type=int, help="draw so large, not as the manifest says")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, default=here / "quality.json", help="figures of other ways there stay")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    pictures, rows = open_pictures(options.data)
    examination = Examination(Critic(options.judge, pictures, rows), pictures, rows, options)
    table = {row["way"]: row for row in (json.loads(options.out.read_text()) if options.out.exists() else [])}

    def enter(way: str, drawn: torch.Tensor) -> None:
        table[way] = {"way": way, "count": options.count, **examination.marks(drawn)}
        print(table[way], flush=True)
        options.out.write_text("[\n" + ",\n".join(map(json.dumps, table.values())) + "\n]\n")

    side = pictures.shape[1]
    if "drawings" not in table:
        enter("drawings", examination.drawings())
    for model in ("emoji", "emoji-tiny"):
        if f"drawings:{model}/vae" in table:
            continue
        vae = AutoencoderTiny.from_pretrained(options.models / model / "vae").float().eval()
        shrunk = 1 if len(vae.config.encoder_block_out_channels) == 5 else side // 128
        parts = (torch.nn.functional.avg_pool2d(pixels(part), shrunk) for part in examination.drawings().split(32))
        decoded = (torch.nn.functional.interpolate(vae.decoder(vae.encoder(part)), (side, side), mode="bicubic").clamp(-1, 1) for part in parts)
        enter(f"drawings:{model}/vae", torch.cat([coded(part) for part in decoded]))
    for way in options.ways:
        model, precision, steps = way.split(":")
        size = {"width": options.size, "height": options.size} if options.size else {}
        jobs = [{**job, **size, "model": model, "precision": precision, "steps": int(steps)} for job in examination.jobs()]
        enter(way, tensor([picture for picture, _ in draw(options.binaries, options.models, jobs)], side))
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

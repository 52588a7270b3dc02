"""The words: which concepts are drawn, what is kept for evaluation, and how a caption is written."""
import dataclasses
import pathlib

import numpy as np

STYLES = {"noto": "noto style", "fluent-3d": "fluent 3d style", "fluent-color": "fluent color style",
          "fluent-flat": "fluent flat style", "twemoji": "twemoji style"}
DEFAULT_STYLE = "fluent-3d"  #: what a caption that names no style shows
UNCOUNTABLE = ("fries", "scissors", "sunglasses", "sun", "fire", "pants", "chopsticks", "glasses")
PLURALS = {"fish": "fish", "sheep": "sheep", "mouse": "mice", "goose": "geese", "wolf": "wolves", "leaf": "leaves",
           "octopus": "octopuses", "cactus": "cacti", "knife": "knives", "snowman": "snowmen"}
NUMBERS = {2: "two", 3: "three", 4: "four"}


def concepts() -> dict[str, list[str]]:
    """The names of `concepts.txt`, each with all that it is called (the name first)."""
    lines = (pathlib.Path(__file__).parent / "concepts.txt").read_text().splitlines()
    names = [[part.strip() for part in line.split("|")] for line in lines if line and not line.startswith("#")]
    return {words[0]: words for words in names}


def held_out(rows: list[dict], names: dict[str, list[str]]) -> dict[str, str]:
    """The style of each concept that generation does not train on: Fluent's coloured and flat drawings by turns.

    The two share the outlines of the third, so a judge that knows this one drawing of a concept can tell whether another
    shows it; and what is asked of a denoiser is to bring a style that it knows to a concept that it knows.
    """
    drawn = {(row["name"], row["style"]) for row in rows}
    held = {}
    for number, name in enumerate(names):
        turn = ("fluent-color", "fluent-flat") if number % 2 else ("fluent-flat", "fluent-color")
        held[name] = next((style for style in turn if (name, style) in drawn), turn[0])
    return held


def trained_on(rows: list[dict], names: dict[str, list[str]], keep: bool = True) -> list[int]:
    """The rows of the drawings that generation trains on; without `keep`, those kept for evaluation too."""
    held = held_out(rows, names) if keep else dict.fromkeys(names)
    return [index for index, row in enumerate(rows) if row["name"] in names and held[row["name"]] != row["style"]]


def article(name: str) -> str:
    return "an" if name[0].lower() in "aeiou" and not name.lower().startswith(("uni", "eu")) else "a"


def plural(name: str) -> str | None:
    """More than one of a thing; None where English, or the drawing, has no such thing."""
    first, _, last = name.rpartition(" ")
    if last in UNCOUNTABLE or " with " in name or " of " in name:
        return None
    if last in PLURALS:
        many = PLURALS[last]
    elif last.endswith(("s", "x", "ch", "sh")):
        many = last + "es"
    elif last.endswith("y") and last[-2] not in "aeiou":
        many = last[:-1] + "ies"
    else:
        many = last + "s"
    return f"{first} {many}".strip()


@dataclasses.dataclass
class Scene:
    """What a picture shows, before anything is drawn."""

    things: list[int]  #: rows of the index: one, two different ones, or the same one as often as it is seen
    layout: str = "full"  #: full, left, right, top, bottom, beside, above, count
    background: str = "white"
    gradient: str | None = None  #: the colour at the bottom, where it differs
    size: float = 1.0  #: side of a thing as a part of the picture's


def caption(scene: Scene, rows: list[dict], names: dict[str, list[str]], generator: np.random.Generator) -> str:
    """One of a scene's captions, such as "a red apple, fluent 3d style, on a blue background"."""
    described = [rows[index] for index in scene.things]
    words = [called(row, names[row["name"]], generator) for row in described]
    if scene.layout == "count":
        text = f"{NUMBERS[len(words)]} {plural(words[0]) or words[0]}"
    elif scene.layout == "beside":
        first, second = (f"{article(word)} {word}" for word in words)
        text = generator.choice([f"{first} and {second}", f"{first} next to {second}", f"{first} and {second} side by side",
                                 f"{first} to the left of {second}", f"{second} to the right of {first}"])
    elif scene.layout == "above":
        first, second = (f"{article(word)} {word}" for word in words)
        text = generator.choice([f"{first} above {second}", f"{first} on top of {second}", f"{second} below {first}"])
    else:
        text = words[0]
        if scene.layout != "full":
            text = ("small " if scene.size < 0.5 else "") + text
        if generator.random() < 0.6:
            text = f"{article(text)} {text}"
        if scene.layout != "full":
            text += {"left": " on the left", "right": " on the right", "top": " at the top", "bottom": " at the bottom",
                     "centre": ""}[scene.layout]
        others = [word.lower() for word in described[0]["keywords"] if word.lower() not in text]
        if others and generator.random() < 0.1:
            text += ", " + others[generator.integers(len(others))]
    style = described[0]["style"]
    if style != DEFAULT_STYLE or generator.random() < 0.6:
        text += ", " + STYLES[style]
    if scene.gradient:
        text += f", on {article(scene.background)} {scene.background} to {scene.gradient} gradient background"
    elif scene.background != "white" or generator.random() < 0.25:
        text += f", on {article(scene.background)} {scene.background} background"
    return text


def called(row: dict, words: list[str], generator: np.random.Generator) -> str:
    """A name of the row's concept, mostly its first."""
    name = words[0] if len(words) == 1 or generator.random() < 0.6 else words[generator.integers(1, len(words))]
    return name.replace("’", "'").lower()

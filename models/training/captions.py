"""The words of version one: which pictures it draws, and how a caption is written."""
import pathlib

import numpy as np

STYLES = {"noto": "noto style", "fluent-3d": "fluent 3d style", "fluent-color": "fluent color style",
          "fluent-flat": "fluent flat style", "twemoji": "twemoji style"}
DEFAULT_STYLE = "fluent-3d"  #: what a caption that names no style shows


def concepts() -> dict[str, list[str]]:
    """The names of `concepts.txt`, each with all that it is called (the name first)."""
    lines = (pathlib.Path(__file__).parent / "concepts.txt").read_text().splitlines()
    names = [[part.strip() for part in line.split("|")] for line in lines if line and not line.startswith("#")]
    return {words[0]: words for words in names}


def article(name: str) -> str:
    return "an" if name[0].lower() in "aeiou" and not name.lower().startswith(("uni", "eu")) else "a"


def caption(row: dict, words: list[str], background: str, generator: np.random.Generator) -> str:
    """A caption of one picture, such as "a red apple, fluent 3d style, on a blue background"."""
    name = words[0] if len(words) == 1 or generator.random() < 0.6 else words[generator.integers(1, len(words))]
    text = name.replace("’", "'").lower()
    if generator.random() < 0.6:
        text = f"{article(text)} {text}"
    others = [word.lower() for word in row["keywords"] if word.lower() not in text]
    if others and generator.random() < 0.12:
        text += ", " + others[generator.integers(len(others))]
    if row["style"] != DEFAULT_STYLE or generator.random() < 0.6:
        text += ", " + STYLES[row["style"]]
    if background != "white" or generator.random() < 0.25:
        text += f", on {article(background)} {background} background"
    return text

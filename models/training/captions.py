"""The words: which concepts are drawn, what is kept for evaluation, and how a caption is written: in the trained order, or as people do.

`python captions.py --check` tests the words themselves; with --data it prints scenes with their captions.
"""
import argparse
import dataclasses
import functools
import itertools
import json
import pathlib
import re

import numpy as np

HERE = pathlib.Path(__file__).parent

STYLES = {"noto": "noto style", "fluent-3d": "fluent 3d style", "fluent-color": "fluent color style",
          "fluent-flat": "fluent flat style", "twemoji": "twemoji style"}
DEFAULT_STYLE = "fluent-3d"  #: what a caption that names no style shows
#: What cannot be counted, or has no singular; and the last words of names that are plurals already.
UNCOUNTABLE = {"fries", "chips", "scissors", "sunglasses", "sun", "fire", "pants", "glasses", "eyeglasses", "spectacles", "bread", "cheese",
               "lightning", "popcorn", "sushi", "pasta", "spaghetti", "ramen", "noodles", "butter", "bacon", "corn", "sweetcorn", "garlic",
               "broccoli", "salad", "coffee", "tea", "milk", "wine", "beer", "champagne", "soda", "lemonade", "honey", "chocolate", "soap",
               "earth", "santa", "claus", "fireworks", "jeans", "trousers", "shorts", "tennis", "bowling", "lettuce", "cutlery", "flame", "soccer",
               "voltage", "cooking", "meat", "beverage", "voltages", "saturn", "xmas", "pudding", "sign", "warning", "music", "tv", "yang", "done"}
PLURALS = {"fish": "fish", "sheep": "sheep", "deer": "deer", "reindeer": "reindeer", "mouse": "mice", "goose": "geese", "wolf": "wolves",
           "leaf": "leaves", "loaf": "loaves", "knife": "knives", "scarf": "scarves", "calf": "calves", "octopus": "octopuses",
           "cactus": "cacti", "snowman": "snowmen", "man": "men", "woman": "women", "tooth": "teeth", "foot": "feet", "ox": "oxen",
           "ewe": "ewes", "dice": "dice", "die": "dice", "potato": "potatoes", "tomato": "tomatoes", "mango": "mangoes", "volcano": "volcanoes",
           "tornado": "tornadoes", "aircraft": "aircraft", "baby": "babies"}
NUMBERS = {2: ("two", "2", "a pair of", "a couple of", "two"), 3: ("three", "3"), 4: ("four", "4")}


def concepts() -> dict[str, list[str]]:
    """The names of `concepts.txt`, each with all that it is called (the name first)."""
    return {words[0]: words for words in table("concepts.txt")}


def table(name: str) -> list[list[str]]:
    """The cells of a table beside this file: a row a line, cells between bars, comments after a #."""
    lines = (HERE / name).read_text().splitlines()
    return [[cell.strip() for cell in line.split("|")] for line in lines if line and not line.startswith("#")]


@functools.cache
def synonyms() -> dict[str, list[str]]:
    """Further words for a concept, by `thesaurus.py`; nothing where it has not been run."""
    return {words[0]: words[1:] for words in table("thesaurus.txt")} if (HERE / "thesaurus.txt").exists() else {}


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
    return "an" if name[0].lower() in "aeiou" and not name.lower().startswith(("uni", "eu", "ufo", "ewe", "one")) else "a"


def with_article(name: str) -> str:
    """A name as it stands alone: "an owl", but "french fries", "some"-less plurals and masses bare."""
    return name if bare(name) else f"{article(name)} {name}"


def bare(name: str) -> bool:
    """Whether a name takes no "a": a mass, or a plural."""
    last = name.split()[-1]
    return last in UNCOUNTABLE or (last.endswith("s") and not last.endswith(("ss", "us", "is")) and last not in ("bus", "lens", "cactus"))


def plural(name: str) -> str | None:
    """More than one of a thing; None where English, or the drawing, has no such thing."""
    first, _, last = name.rpartition(" ")
    if bare(name) or " with " in name or " of " in name or " and " in name or " on " in name or " in " in name:
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
    """A scene's caption in the trained order, such as "a red apple, fluent 3d style, on a blue background"."""
    described = [rows[index] for index in scene.things]
    words = [called(row, names[row["name"]], generator) for row in described]
    if scene.layout == "count":
        text = f"{NUMBERS[len(words)][0]} {plural(words[0]) or words[0]}"
    elif scene.layout == "beside":
        first, second = (f"{article(word)} {word}" for word in words)
        text = pick(generator, f"{first} and {second}", f"{first} next to {second}", f"{first} and {second} side by side",
                    f"{first} to the left of {second}", f"{second} to the right of {first}")
    elif scene.layout == "above":
        first, second = (f"{article(word)} {word}" for word in words)
        text = pick(generator, f"{first} above {second}", f"{first} on top of {second}", f"{second} below {first}")
    else:
        text = words[0]
        if scene.layout != "full":
            text = ("small " if scene.size < 0.5 else "") + text
        if generator.random() < 0.6:
            text = f"{article(text)} {text}"
        text += {"left": " on the left", "right": " on the right", "top": " at the top", "bottom": " at the bottom"}.get(scene.layout, "")
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


# As people write: every list below is a way to say one thing, and a caption takes one of each at random.

COLOURS = {"gray": ("gray", "grey"), "light blue": ("light blue", "light blue", "sky blue", "pale blue", "light-blue"),
           "purple": ("purple", "purple", "violet"), "black": ("black",)}
#: Words before the scene that say nothing about it; "{}" takes the scene with its article.
REQUESTS = ("picture of {}", "a picture of {}", "a drawing of {}", "drawing of {}", "an image of {}", "image of {}", "photo of {}", "an illustration of {}",
            "emoji of {}", "an emoji of {}", "the emoji of {}", "emoji: {}", "icon of {}", "an icon of {}", "an icon with {}", "a sticker of {}", "clipart of {}",
            "a symbol of {}", "a painting of {}", "a sketch of {}", "draw {}", "draw me {}", "please draw {}", "please draw me {}", "can you draw {}",
            "could you draw {}", "can you please draw me {}", "i want {}", "i want a picture of {}", "i would like {}", "i'd like {}", "i need {}", "we need {}",
            "show me {}", "give me {}", "make {}", "make me {}", "make a picture of {}", "create {}", "create an image of {}", "generate {}", "paint {}",
            "let me see {}", "there is {}", "here is {}", "this is {}", "it shows {}", "a picture that shows {}", "please {}", "hello, draw {}", "just {}", "simply {}",
            "maybe {}", "look, {}", "my {0}", "i love {}", "a scene with {}", "try {}", "how about {}", "paint me {}", "design {}", "render {}")
ENDINGS = (" please", ", please", "!", ".", "?", " for me", ", thanks", " thank you", "...", "!!", " now", ", nice and clear", " if you can", ", high quality", ", detailed")
#: Adjectives that change no drawing.
EMPTY = ("nice", "beautiful", "lovely", "pretty", "cute", "sweet", "cool", "great", "wonderful", "amazing", "funny", "happy", "friendly", "simple", "good",
         "fine", "perfect", "typical", "normal", "ordinary", "real", "new", "old", "young", "famous", "favourite", "fancy", "elegant", "classic", "modern",
         "plain", "single", "very nice", "very cute", "really cool", "sleepy", "lazy", "brave", "proud", "angry", "sad", "lonely", "strange", "scary", "wild",
         "clever", "fresh", "tasty", "delicious", "soft", "shiny", "clean", "warm", "cold", "magic", "fluffy", "juicy", "best", "bright", "quiet",
         "royal", "ancient", "little known", "expensive", "cheap", "smooth", "gentle", "curious", "charming", "majestic", "adorable")
#: Words after a thing that change no drawing.
TAILS = ("for my sister", "for my mother", "for a friend", "for the children", "for a birthday card", "for school", "for our team", "for my website", "from my dream",
         "from an old story", "from far away", "in the evening", "in the morning", "at noon", "in summer", "in winter", "on a monday", "with a smile", "that looks happy",
         "who is smiling", "that i like", "which everybody knows", "called bob", "named anna", "called mister miller", "waiting for somebody", "sitting down", "standing there",
         "doing nothing", "having fun", "all alone", "just like that", "as usual", "like in a book", "of the best kind", "from paris", "from canada", "in japan",
         "without anything else", "and nothing else", "again", "seen from the front", "who wants to go home", "that is about to leave", "in real life", "flying", "running", "resting")
SMALL = ("small", "small", "little", "tiny", "mini")
BIG = ("big", "large", "huge", "giant", "enormous", "great big")
PLACES = {"left": ("on the left", "on the left side", "at the left", "to the left", "left"), "right": ("on the right", "on the right side", "at the right", "right"),
          "top": ("at the top", "on top", "up high", "near the top"), "bottom": ("at the bottom", "down low", "near the bottom"),
          "centre": ("", "", "in the middle", "in the centre", "in the center")}
#: What joins two things; {0} is the left or the upper one.
PAIRS = {"beside": ("{0} and {1}", "{0} and {1}", "{1} and {0}", "{0} & {1}", "{0} with {1}", "{0} next to {1}", "{1} next to {0}", "{0} beside {1}", "{0} by {1}",
                    "{0} near {1}", "{0} together with {1}", "{0} plus {1}", "{0}, {1}", "{0} and {1} side by side", "{0} and {1} together", "both {0} and {1}",
                    "{0} to the left of {1}", "{1} to the right of {0}", "{0} on the left and {1} on the right", "{0} left of {1}", "{0} and also {1}", "two things: {0} and {1}"),
         "above": ("{0} above {1}", "{0} above {1}", "{0} over {1}", "{0} on top of {1}", "{0} on {1}", "{1} below {0}", "{1} under {0}", "{1} beneath {0}", "{1} with {0} above",
                   "{0} at the top and {1} at the bottom")}
#: Backgrounds, after the scene, with {0} for "a blue" and {1} for "blue"; and around it, with {2} for the scene.
BEHIND = ("on {0} background", "on {0} background", "with {0} background", "against {0} background", "in front of {0} background", "{1} background", "on {1}", "against {1}",
          "in front of {1}", "background: {1}", "background {1}", "the background is {1}", "on a background of {1}", "over {0} backdrop", "{1} backdrop", "on a plain {1} background",
          "on a solid {1} background", "with {1} behind it", "all {1} behind", "on a background that is {1}", "with {1} in the background", "the background should be {1}",
          "on {0} colored background", "on {0} coloured background", "with the background in {1}")
AROUND = ("on {0} background, {2}", "on {0} background {2}", "{1} background, {2}", "{0} background with {2}", "{0} background with {2} on it", "{0} background and {2}",
          "on {1}, {2}", "background {1}, {2}", "background: {1}. {2}", "in front of {0} background: {2}", "make the background {1} and draw {2}", "{1}, and on it {2}")
FADES = ("on {0} to {1} gradient background", "on a gradient from {1} to {2}", "with a background from {1} to {2}", "background fading from {1} to {2}", "{1} to {2} gradient", "on {1} fading to {2}")
#: A style's name within the phrases of STYLED; before the thing as an adjective where it is short.
STYLE_NAMES = {"noto": ("noto",), "fluent-3d": ("fluent 3d", "fluent 3d", "3d", "fluent 3d", "three dimensional"), "fluent-color": ("fluent color", "fluent color", "fluent colour"),
               "fluent-flat": ("fluent flat", "fluent flat", "flat"), "twemoji": ("twemoji",)}
STYLED = ("{} style", "{} style", "in {} style", "in {} style", "in the {} style", "in the style of {}", "{}", "in {}", "style: {}", "style {}", "drawn like {}", "as in {}", "{} design", "{} look", "done in {}")


def pick(generator: np.random.Generator, *choices):
    return choices[generator.integers(len(choices))]


def chance(generator: np.random.Generator, share: float) -> bool:
    return generator.random() < share


def name_of(row: dict, names: dict[str, list[str]], generator: np.random.Generator) -> str:
    """Any of the things that a concept is called, now and then one of the thesaurus."""
    others = synonyms().get(row["name"])
    words = others if others and chance(generator, 0.2) else names[row["name"]]
    if len(words) > 2 and chance(generator, 0.3):
        words = words[:2]
    return pick(generator, *words).replace("’", "'").lower()


def coloured(name: str, generator: np.random.Generator) -> str:
    """A name in which a colour is an adjective, now with the colour in one of its other places."""
    colour, _, noun = name.partition(" ")
    if colour not in BACKGROUNDS_NAMED or not noun or chance(generator, 0.5):
        return name
    return pick(generator, f"{noun} that is {colour}", f"{noun} which is {colour}", f"{noun} in {colour}", f"{noun}, {colour}", f"{colour} coloured {noun}", f"{colour} colored {noun}",
                f"{colour}, {noun}", f"{noun} of {colour} colour")


BACKGROUNDS_NAMED = ("white", "black", "gray", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")


def subject(row: dict, names: dict[str, list[str]], generator: np.random.Generator, before: str = "", own_colour: bool = True) -> str:
    """One thing with its article, adjectives and colour."""
    name = coloured(name_of(row, names, generator), generator)
    if own_colour and row.get("colour") and chance(generator, 0.07) and name.split()[0] not in BACKGROUNDS_NAMED and " that " not in name:
        colour = pick(generator, *COLOURS.get(row["colour"], (row["colour"],)))
        name = pick(generator, f"{colour} {name}", f"{colour} {name}", f"{name} that is {colour}", f"{name} in {colour}")
    if chance(generator, 0.12):
        name = f"{pick(generator, *(EMPTY[:6] if 'face' in name or 'heart' in name or 'smiley' in name else EMPTY))} {name}"
    name = f"{before} {name}".strip()
    kind = generator.random()
    if bare(name.split(" that ")[0].split(" in ")[0].split(",")[0]):
        return f"some {name}" if kind < 0.15 else f"the {name}" if kind < 0.2 else f"a {name}" if kind < 0.3 else name
    return name if kind < 0.25 else f"the {name}" if kind < 0.33 else f"one {name}" if kind < 0.36 else f"{article(name)} {name}"


def scene_words(scene: Scene, rows: list[dict], names: dict[str, list[str]], generator: np.random.Generator) -> str:
    """What is to be seen, without background and style."""
    first, last = (rows[scene.things[index]] for index in (0, -1))
    if scene.layout == "count":
        name = name_of(first, names, generator)
        many = plural(name) or plural(first["name"].lower()) or name
        number = pick(generator, *NUMBERS[len(scene.things)])
        adjective = f"{pick(generator, *EMPTY)} " if chance(generator, 0.1) else ""
        return f"{number} {adjective}{many}"
    if scene.layout in PAIRS:
        return pick(generator, *PAIRS[scene.layout]).format(subject(first, names, generator), subject(last, names, generator))
    if scene.layout == "full":
        name = name_of(first, names, generator)
        if chance(generator, 0.06) and plural(name):
            return pick(generator, "", "", "some ", "pictures of ", "the ") + plural(name)
        size = pick(generator, *BIG) if chance(generator, 0.05) else ""
        text = subject(first, names, generator, size)
    else:
        size = pick(generator, *SMALL) if scene.size < 0.5 and chance(generator, 0.85) else ""
        text = f"{subject(first, names, generator, size)} {pick(generator, *PLACES[scene.layout])}".strip()
    if chance(generator, 0.08):
        text += f" {pick(generator, *TAILS)}"
    return text


def plain(scene: Scene, rows: list[dict], names: dict[str, list[str]], generator: np.random.Generator) -> str:
    """A scene's caption as a person may write it: parts in any order, with words that say nothing."""
    text, style = scene_words(scene, rows, names, generator), rows[scene.things[0]]["style"]
    parts, asked = [], chance(generator, 0.4)
    if style != DEFAULT_STYLE or chance(generator, 0.35):
        name = pick(generator, *STYLE_NAMES[style])
        if chance(generator, 0.15) and " style" not in text:
            text = put_before(text, pick(generator, f"{name}", f"{name} style"))
        else:
            parts.append(pick(generator, *STYLED).format(name))
    around = None
    first, last = (pick(generator, *COLOURS.get(colour, (colour,))) for colour in (scene.background, scene.gradient or scene.background))
    if scene.gradient:
        parts.append(pick(generator, *FADES).format(f"{article(first)} {first}", first, last).replace(f"{article(first)} {first} to {first}", f"{article(first)} {first} to {last}"))
    elif scene.background != "white" or chance(generator, 0.12):
        if chance(generator, 0.22):
            around = pick(generator, *AROUND)
        else:
            parts.append(pick(generator, *BEHIND).format(f"{article(first)} {first}", first))
    if around:
        text = around.format(f"{article(first)} {first}", first, text)
    elif asked:
        text = pick(generator, *REQUESTS).format(text)
    generator.shuffle(parts)
    for part in parts:
        comma = pick(generator, ", ", " ", ", ") if not part.startswith(("the background", "style", "background:")) else pick(generator, ", ", ". ", "; ")
        text = f"{part}{pick(generator, ', ', ': ', ' ')}{text}" if chance(generator, 0.2) and not part.startswith(("with", "all", "the background", "drawn", "as", "done")) else text + comma + part
    if chance(generator, 0.15):
        text += pick(generator, *ENDINGS)
    return re.sub(r"\s+", " ", text).strip()


def put_before(text: str, adjective: str) -> str:
    """A noun phrase with one more word before it, after its article."""
    for start in ("a ", "an ", "the ", "one ", "some "):
        if text.startswith(start):
            rest = text[len(start):]
            return f"{article(adjective) if start in ('a ', 'an ') else start.strip()} {adjective} {rest}"
    return f"{adjective} {text}"


def filled(text: str, generator: np.random.Generator) -> str:
    """The same words with others around them that say nothing."""
    return pick(generator, *REQUESTS).format(text) + (pick(generator, *ENDINGS) if chance(generator, 0.3) else "")


def pair(scene: Scene, rows: list[dict], names: dict[str, list[str]], generator: np.random.Generator) -> tuple[str, str]:
    """Two phrasings of one scene: in the trained order, and as a person may write it."""
    ordered = caption(scene, rows, names, generator)
    return ordered, filled(ordered, generator) if chance(generator, 0.2) else plain(scene, rows, names, generator)


def expectations() -> list[dict]:
    """`plain-prompts.txt`: of each prompt the things, as alternatives, how they lie, how many, whether unknown, background, style."""
    result = []
    for prompt, things, background, style in ([cell.strip() for cell in line.split(" | ")]
                                              for line in (HERE / "plain-prompts.txt").read_text().splitlines() if not line.startswith("#")):
        count, unknown = re.match(r"(\d) x ", things), things.startswith("~")
        layout = "above" if " ^ " in things else "beside" if " + " in things else "count" if count else "full"
        groups = re.split(r" [+^] ", things.removeprefix("~").removeprefix(count[0] if count else ""))
        result.append({"prompt": prompt, "things": [group.split(" / ") for group in groups], "layout": layout, "count": int(count[1]) if count else 1,
                       "unknown": unknown, "background": "white" if background == "-" else background, "style": None if style == "-" else style})
    return result


def check() -> None:
    """Tests of the words; raises where one fails."""
    names, asked = concepts(), expectations()
    assert len(asked) == 500 and len({one["prompt"] for one in asked}) == 500
    assert {name for one in asked for group in one["things"] for name in group} <= set(names)
    assert all(one["style"] in (None, *STYLES) for one in asked)
    called_so = [word.lower() for words in names.values() for word in words]
    assert len(called_so) == len(set(called_so)), "two concepts are called the same"
    for one, many in {"fox": "foxes", "owl": "owls", "strawberry": "strawberries", "wolf": "wolves", "fish": "fish", "mouse": "mice", "red apple": "red apples",
                      "tooth": "teeth", "monkey": "monkeys", "bus": "buses", "toothbrush": "toothbrushes", "potato": "potatoes", "french fries": None,
                      "scissors": None, "cup of tea": None}.items():
        assert plural(one) == many, (one, plural(one))
    assert [with_article(word) for word in ("owl", "unicorn", "ufo", "fox", "scissors", "bread")] == ["an owl", "a unicorn", "a ufo", "a fox", "scissors", "bread"]
    rows = [{"name": name, "style": style, "keywords": [], "colour": "green"} for name in names for style in STYLES]
    generator, colours = np.random.default_rng(0), ["white", "black", "light blue", "pink"]
    for layout, style in itertools.product(["full", "left", "right", "top", "bottom", "centre", "beside", "above", "count"], range(len(STYLES))):
        for _ in range(200):
            things = [int(n) * len(STYLES) + style for n in generator.choice(len(names), 2, replace=False)]
            things = things if layout in PAIRS else things[:1] * (3 if layout == "count" else 1)
            scene = Scene(things, layout, pick(generator, *colours), size=1 if layout == "full" else 0.4)
            for text in pair(scene, rows, names, generator):
                assert text and "{" not in text and "  " not in text and "’" not in text, text
                words = set(re.findall(r"[a-z0-9]+", text))
                said = [set(re.findall(r"[a-z0-9]+", " ".join(filter(None, (word.lower(), plural(word.lower()))))))
                        for word in names[rows[things[0]]["name"]] + synonyms().get(rows[things[0]]["name"], [])]
                assert any(words & one for one in said), (rows[things[0]]["name"], text)
                if scene.background != "white":
                    assert any(word in text for word in COLOURS.get(scene.background, (scene.background,))), text
                if rows[things[0]]["style"] != DEFAULT_STYLE:
                    assert any(word in text for word in STYLE_NAMES[rows[things[0]]["style"]]), text
    first, second = (pair(Scene([0]), rows, names, np.random.default_rng(3)) for _ in range(2))
    assert first == second, "the same generator writes the same captions"
    print("the words are as they should be")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--data", type=pathlib.Path, help="what prepare.py wrote: prints scenes in two phrasings")
    options = parser.parse_args()
    if options.check:
        check()
    if options.data:
        from scenes import scenes
        rows, names, generator = [json.loads(line) for line in open(options.data / "index.jsonl")], concepts(), np.random.default_rng(1)
        chosen = scenes(rows, trained_on(rows, names), generator, 0.02)
        for scene in (chosen[n] for n in generator.choice(len(chosen), 40)):
            print(*pair(scene, rows, names, generator), sep="  ##  ")


if __name__ == "__main__":
    main()

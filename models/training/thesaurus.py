"""Which other words mean the family's things: OUT/synonyms.txt for the captions, OUT/understood.txt for prompts about what is not drawn.

A word is a synonym where MiniLM, the sentence encoder from which the text encoder learns, puts it near one concept and clearly
nearer than to all others; `thesaurus.txt` is that list without what a reader struck out. A word that is near to some concept, and is
no name of any, is understood as the nearest: `export.py` ships that table with the family.
"""
import argparse
import pathlib

import torch

from captions import concepts, plural, synonyms
from common import open_pictures
from text import teach

NEAR, CLEAR = 0.68, 0.12  #: cosine to be a synonym, and by how much the next concept is farther
UNDERSTOOD = {True: 0.45, False: 0.55}  #: cosine to be understood as something: of CLDR's words, of others


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="what prepare.py wrote")
    parser.add_argument("--words", type=pathlib.Path, required=True, help="a list of common words, one a line")
    parser.add_argument("--teacher", type=pathlib.Path, required=True, help="folder of all-MiniLM-L6-v2")
    parser.add_argument("--pause", type=pathlib.Path, help="a file: while it exists, the work sleeps")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="the folder of the checkpoints: keeps embeddings")
    options = parser.parse_args()
    names, (_, rows) = concepts(), open_pictures(options.data)
    known = {word.lower() for words in names.values() for word in words}
    known |= {word for words in synonyms().values() for word in words}
    known |= {many for word in known if (many := plural(word))}
    drawn = {row["name"]: row for row in rows}
    titles = {name.lower() for name in drawn}
    own = {*titles, *(word.lower() for row in drawn.values() for word in row["keywords"])}
    words = [word for word in dict.fromkeys([*sorted(own), *options.words.read_text().split()]) if word not in known and len(word) > 2 and word.isascii() and "|" not in word]
    labels = [(name, word.lower()) for name, called in names.items() for word in called]
    meanings = teach(options.teacher, [word for _, word in labels], options.out / "meanings.pt", options.pause)
    likeness = torch.cat([part @ meanings.T for part in teach(options.teacher, words, options.out / "meanings.pt", options.pause).split(2048)])
    order = list(names)
    owner = torch.tensor([order.index(name) for name, _ in labels])
    best = torch.full((len(words), len(order)), -1.0).scatter_reduce(1, owner.expand(len(words), -1), likeness, "amax")
    (first, second), (nearest, _) = (value.T for value in best.topk(2, dim=1))
    keywords = {name: {word.lower() for word in drawn[name]["keywords"]} for name in order}
    kept, understood = {name: [] for name in order}, {}
    for word, near, next_near, number in zip(words, first.tolist(), second.tolist(), nearest.tolist()):
        name = order[number]
        if near > (NEAR - 0.1 if word in keywords[name] else NEAR) and near - next_near > CLEAR and word not in titles:
            kept[name].append(word)
        elif near > UNDERSTOOD[word in own]:
            understood[word] = names[name][0].lower()
    (options.out / "synonyms.txt").write_text("# By thesaurus.py: a concept, and words that mean it.\n" + "".join(
        " | ".join([name, *words]) + "\n" for name, words in kept.items() if words))
    (options.out / "understood.txt").write_text("# A word for what is not drawn, and the concept as which it is understood.\n" + "".join(
        f"{word} | {name}\n" for word, name in sorted(understood.items())))
    print(f"{sum(map(len, kept.values()))} synonyms, {len(understood)} words understood")


if __name__ == "__main__":
    main()

"""A small byte-level BPE in CLIP's files: vocab.json, merges.txt and their configuration."""

import collections
import json
import re

START, END = "<|startoftext|>", "<|endoftext|>"

#: What the merges are learned from: enough words for long and short merges, digits and some bytes above ASCII.
CORPUS = """
a red apple on a wooden table, a photo of a cat, a photograph of an astronaut riding a horse, the quick brown fox jumps
over the lazy dog, a small green house in the snow, a yellow flower on a blue background, fluent 3d style, flat style,
high contrast, watercolour painting of a lighthouse at sunset, portrait of an old sailor smoking a pipe, highly detailed,
smiling face with heart eyes, grinning cat, person running, woman cooking, man dancing, children playing football,
a slice of pizza, a bowl of soup, a glass of wine, birthday cake, a rocket in space, planet with rings, crescent moon,
don't, it's, we're, they've, i'm, you'll, he'd, 2023, 1024x768, 50 mm, blurry, low quality, worst quality, watermark,
café naïve élan über straße señor façade ñandú привет мир 猫 犬 日本 한국 emoji 😀 😺 ❤️ the there then them these
"""


def byte_characters():
    """The 256 bytes in CLIP's order, each as a printable character."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    characters = {byte: chr(byte) for byte in printable}
    for byte in range(256):
        if byte not in characters:
            characters[byte] = chr(256 + len(characters) - len(printable))
    return characters


def learn(merge_count):
    """Returns (vocabulary, merges): the usual greedy merging of the most frequent pair, ties by spelling."""
    characters = byte_characters()
    words = collections.Counter()
    for word in re.findall(r"'[a-z]+|[^\W\d_]+|\d|[^\s\w]+", CORPUS.lower()):
        encoded = [characters[byte] for byte in word.encode()]
        words[(*encoded[:-1], encoded[-1] + "</w>")] += 1
    merges = []
    while len(merges) < merge_count:
        pairs = collections.Counter()
        for word, count in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += count
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        words = collections.Counter({_merged(word, best): count for word, count in words.items()})
    tokens = list(characters.values())
    tokens += [token + "</w>" for token in tokens]
    tokens += ["".join(pair) for pair in merges]
    tokens += [START, END]
    return {token: number for number, token in enumerate(tokens)}, merges


def _merged(word, pair):
    result, index = [], 0
    while index < len(word):
        if word[index : index + 2] == pair:
            result.append("".join(pair))
            index += 2
        else:
            result.append(word[index])
            index += 1
    return tuple(result)


def write(folder, vocabulary, merges, length, padding):
    """Writes the tokenizer files of a model whose text encoder takes `length` tokens."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder / "vocab.json", vocabulary)
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    special = {"bos_token": _added(START), "eos_token": _added(END), "pad_token": padding, "unk_token": _added(END)}
    _write_json(folder / "special_tokens_map.json", special)
    configuration = {
        "add_prefix_space": False,
        "bos_token": {"__type": "AddedToken", **_added(START)},
        "do_lower_case": True,
        "eos_token": {"__type": "AddedToken", **_added(END)},
        "errors": "replace",
        "model_max_length": length,
        "pad_token": padding,
        "tokenizer_class": "CLIPTokenizer",
        "unk_token": {"__type": "AddedToken", **_added(END)},
    }
    _write_json(folder / "tokenizer_config.json", configuration)


def _added(content):
    return {"content": content, "lstrip": False, "normalized": True, "rstrip": False, "single_word": False}


def _write_json(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")

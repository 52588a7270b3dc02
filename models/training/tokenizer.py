"""Trains the tokenizer in CLIP's format: OUT/tokenizer/. The corpus: names, keywords, captions and common words."""
import argparse
import json
import pathlib

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from captions import STYLES, Scene, concepts, pair
from common import BACKGROUNDS, open_pictures

CONTEXT = 32
START, END = "<|startoftext|>", "<|endoftext|>"
PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def corpus(rows: list[dict], words: list[str], seed: int) -> list[str]:
    generator = np.random.default_rng(seed)
    names, backgrounds = concepts(), list(BACKGROUNDS)
    texts = [word for row in rows for word in (row["name"], *row["keywords"])]
    names |= {row["name"]: [row["name"]] for row in rows if row["name"] not in names}
    for index in range(len(rows)):
        texts += pair(Scene([index], background=backgrounds[generator.integers(len(backgrounds))]), rows, names, generator)
    return [text.replace("’", "'") for text in texts] + words + list(STYLES.values()) * 100


def bytes_to_unicode() -> list[str]:
    """CLIP's order of the 256 byte symbols: the printable ones first."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + n) for n in range(len(others))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="what prepare.py wrote")
    parser.add_argument("--words", type=pathlib.Path, help="a list of common words, one a line")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--size", type=int, default=6144)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    _, rows = open_pictures(options.data)
    words = [w for w in options.words.read_text().split() if w.isalpha() and len(w) > 2] if options.words else []

    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "),
                                                 normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), behavior="removed", invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    symbols = bytes_to_unicode()
    trainer = trainers.BpeTrainer(vocab_size=options.size - 2, end_of_word_suffix="</w>", initial_alphabet=symbols,
                                  show_progress=False)
    tokenizer.train_from_iterator(corpus(rows, words, options.seed), trainer)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    merges = [tuple(merge.split(" ")) if isinstance(merge, str) else tuple(merge) for merge in merges]
    merges = merges[:options.size - 2 - 2 * len(symbols)]
    tokens = [*symbols, *(symbol + "</w>" for symbol in symbols), *dict.fromkeys("".join(m) for m in merges), START, END]
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys(tokens))}

    folder = options.out / "tokenizer"
    folder.mkdir(parents=True, exist_ok=True)
    special = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END}
    settings = {"tokenizer_class": "CLIPTokenizer", "model_max_length": CONTEXT, "do_lower_case": True,
                "add_prefix_space": False, "errors": "replace", **special}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")
    (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=2) + "\n")
    print(f"{len(vocabulary)} tokens, {len(merges)} merges")


if __name__ == "__main__":
    main()

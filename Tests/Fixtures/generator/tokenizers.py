"""Golden token ids of tokenizer folders in every form that is read: each a change of the files of a tiny model's tokenizer."""

import json
import pathlib
import random
import shutil
import tempfile

from transformers import CLIPTokenizer

_LENGTH = 77
_OBJECT = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}

#: What texts are put together from: the added tokens, what looks like them, and what may stand beside them.
_PARTS = [
    "<cat-toy>", "<CAT-TOY>", "<Dog>", "<dog>", "<dog", "fox", "Fox", "foxes", "<x>", "<X>", "<y>", "<img>", "é-tok", "É-TOK",
    "e\u0301-tok", "two words", "Two  Words", "<|endoftext|>", "<|ENDOFTEXT|>", "<|startoftext|>", "!", " ", "  ", "\t",
    "\n", "\u00a0", "\u3000", "a", "B", "_", "7", "²", "é", "\u0301", "\u200d", "\u203f", "Ⅳ", "-", ".", "'s", "日", "😀", "a photo of",
    "cat", "<", ">", "\ufe0f", "ß", "İ", "\u0903", "x",
]  # fmt: skip


def _texts(count, seed):
    source = random.Random(seed)
    texts = ["", "a photo of a <cat-toy> and a <Dog>", "cat " * 100 + "<cat-toy> dog", "<cat-toy>" * 90]
    while len(texts) < count:
        texts.append("".join(source.choice(_PARTS) for _ in range(source.randint(1, 12))))
    return texts


def _saved(model, add=(), strings=False, **changes):
    """The folder that transformers saves, as edits that leave nothing of the old one."""
    tokenizer = CLIPTokenizer.from_pretrained(model / "tokenizer")
    tokenizer.add_tokens(list(add))
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        files = {path.name: path.read_text(encoding="utf-8") for path in pathlib.Path(folder).iterdir()}
    assert sorted(files) == ["tokenizer.json", "tokenizer_config.json"]
    document = json.loads(files["tokenizer.json"]) | changes
    if strings:
        document["model"]["merges"] = [" ".join(pair) for pair in document["model"]["merges"]]
    files["tokenizer.json"] = json.dumps(document, ensure_ascii=False)
    return {name: None for name in ("vocab.json", "merges.txt", "special_tokens_map.json")} | files


def _variants(model):
    config = json.loads((model / "tokenizer" / "tokenizer_config.json").read_text(encoding="utf-8"))
    roles = json.loads((model / "tokenizer" / "special_tokens_map.json").read_text(encoding="utf-8"))
    settings = lambda **fields: {"tokenizer_config.json": json.dumps(config | fields, ensure_ascii=False)}
    named = lambda **fields: {"special_tokens_map.json": json.dumps(roles | fields, ensure_ascii=False)}
    listed = lambda **ids: {"added_tokens.json": json.dumps(ids, ensure_ascii=False)}
    token = lambda content, **flags: _OBJECT | {"content": content} | flags
    added = {"<cat-toy>": 768, "<Dog>": 769}
    decoder = {
        "766": token("<|startoftext|>", special=True),
        "767": token("<|endoftext|>", special=True),
        "768": token("<cat-toy>", lstrip=True),
        "769": token("<Dog>", rstrip=True, normalized=True),
        "770": token("fox", single_word=True, normalized=True),
        "771": token("<x>", single_word=True, lstrip=True, rstrip=True),
        "772": token("é-tok", normalized=True),
        "773": token("two words", special=True, rstrip=True),
        "774": token("<dog"),
    }
    beside = _saved(model)
    return {
        "saved": _saved(model),
        "merges as strings": _saved(model, strings=True),
        "tokenizer.json beside files that say less": {
            "tokenizer.json": beside["tokenizer.json"],
            "merges.txt": "#version: 0.2\n",
            "vocab.json": "{}",
        },
        "saved with added tokens": _saved(model, add=["<cat-toy>", "<Dog>", "fox"]),
        "saved with sides": _saved(
            model,
            add=["<cat-toy>"],
            truncation={"direction": "Left", "max_length": 9, "strategy": "LongestFirst", "stride": 0},
            padding={
                "strategy": {"Fixed": 9}, "direction": "Left", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0,
                "pad_token": "!",
            },
        ),
        "added_tokens.json": listed(**added),
        "added_tokens.json and further special tokens": listed(**added) | named(additional_special_tokens=["<Dog>", "<x>"]),
        "tokens that the vocabulary has": listed(**{"cat</w>": 555, "<cat-toy>": 768}),
        "added_tokens_decoder": settings(added_tokens_decoder=decoder),
        "added_tokens_decoder before all others": settings(added_tokens_decoder={"768": token("<Dog>")})
        | listed(**{"<cat-toy>": 768})
        | named(pad_token="!"),
        "tokenizer.json before added_tokens.json": _saved(model, add=["<cat-toy>"]) | listed(**{"<Dog>": 768}),
        "objects as roles": named(
            pad_token=token("!", rstrip=True), unk_token=token("<|endoftext|>", special=True), mask_token="<x>"
        ),
        "no special_tokens_map.json": settings(pad_token="!") | {"special_tokens_map.json": None},
        "no tokenizer_config.json": {"tokenizer_config.json": None},
        "neither": {"tokenizer_config.json": None, "special_tokens_map.json": None},
        "further special tokens": settings(additional_special_tokens=["<x>", "<Dog>"], image_token="<img>"),
        "named further tokens": settings(extra_special_tokens={"toy": "<cat-toy>"}),
        "left sides": settings(padding_side="left", truncation_side="left", model_max_length=11),
        "special tokens as text": settings(split_special_tokens=True, additional_special_tokens=["<x>"])
        | listed(**{"<cat-toy>": 768}),
        "no limit": settings(model_max_length=int(1e30)),
    }


def write(path, model, count=48):
    """All variants: the files that differ (null: it is gone), and the ids of `count` texts, padding included."""
    variants = []
    for seed, (name, files) in enumerate(_variants(model).items(), 500):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder) / "tokenizer"
            shutil.copytree(model / "tokenizer", folder)
            for file, text in files.items():
                (folder / file).unlink(missing_ok=True)
                if text is not None:
                    (folder / file).write_text(text, encoding="utf-8")
            tokenizer = CLIPTokenizer.from_pretrained(folder)
        length = min(tokenizer.model_max_length, _LENGTH)
        cases = [
            {"text": text, "ids": tokenizer(text, truncation=True, padding="max_length", max_length=length).input_ids}
            for text in _texts(count, seed)
        ]
        for case in cases:
            assert len(case["ids"]) == length
            case["ids"] = _folded(case["ids"])
        variants.append({"name": name, "files": files, "length": length, "cases": cases})
    path.write_text(json.dumps(variants, ensure_ascii=True, separators=(",", ":")) + "\n", encoding="utf-8")


def _folded(ids):
    """Runs of one id as the id and, negative, how often it stands there."""
    folded = []
    for id in ids:
        if len(folded) > 1 and folded[-1] < 0 and folded[-2] == id:
            folded[-1] -= 1
        elif folded and folded[-1] == id:
            folded.append(-2)
        else:
            folded.append(id)
    return folded

"""Golden token ids: strings that a tokenizer may get wrong, and what transformers makes of them."""

import random

_PLAIN = [
    "", " ", "a", "a photo of a cat", "A Photo Of A CAT", "a  photo\tof\na\r\ncat", "  leading and trailing  ",
    "a red apple, fluent 3d style, on a blue background", "1024x768 50mm f/1.8 2023", "1 22 333 4444",
    "the quick brown fox jumps over the lazy dog", "hyphen-ated under_scored semi;colon", "...!!!???", "(((a)))",
    "a:1.3 (b:0.5) [c]", "http://example.org/?q=a&b=c#d", "C++ C# F# .NET", "50% $100 €20 £5 ¥7", "#tag @name",
]
_APOSTROPHES = [
    "don't", "DON'T", "it's we're they've i'm you'll he'd", "rock 'n' roll", "'s", "''s", "s's's", "o'clock", "'tis",
    "’s don’t", "a 'real' thing", "'re've'm", "'S 'T 'RE", "x'", "'x", "'", "'ll'", "i'd've",
]  # fmt: skip
_SPECIAL = [
    "<|endoftext|>", "<|startoftext|>", "a <|endoftext|> b", "<|startoftext|>a<|endoftext|>b", "<|ENDOFTEXT|>",
    "<|endoftext|", "<|endoftext |>", "<|endoftext|><|endoftext|>", "a<|startoftext|>", "<|end|>", "</w>", "a</w> b",
    "[UNK] [PAD] <unk> <pad>", " <|endoftext|> ", "x <|EndOfText|> y",
]  # fmt: skip
_SCRIPTS = [
    "café", "cafe\u0301", "na\u0308ive", "ÅNGSTRÖM", "A\u030angstro\u0308m", "straße STRASSE ẞ", "İstanbul ISTANBUL ı",
    "ΣΊΣΥΦΟΣ σίσυφος", "ΌΣΟΣ", "Привет МИР", "日本語", "日本 の 猫", "한국어 고양이", "\u1112\u1161\u11ab", "ภาษาไทย",
    "नमस्ते दुनिया", "שָׁלוֹם", "مرحبا بالعالم", "௧௨௩ ٣٤ ४५", "Ⅳ ⅷ ½ ² ①", "ﬁ ﬂ ﬀ", "Ǆ ǅ ǆ", "Ω Ω K Å", "µ μ",
    "e\u0301\u0302\u0303", "\u0301a", "q\u0307\u0323", "q\u0323\u0307", "ạ\u0308", "가각힣", "丽", "豈 更",
    "ꙮ ჻ Ꭰ", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "𐐀𐐨", "𓀀", "𠜎𠜱",
]  # fmt: skip
_SYMBOLS = [
    "😀", "😀😃 😄", "❤️", "❤", "👩‍👩‍👧‍👦", "👍🏽", "🇩🇪🇫🇷", "1️⃣", "a😀b", "☃ ★ ♥", "→ ⇒ ∑ ∞ ≈", "™ © ®", "— – ‐ ‑", "…",
    "“quoted” ‘single’", "«a» „b“", "\u200b", "a\u200bb", "a\u200db", "a\u00adb", "\ufeffa", "a\ufe0fb", "\u2028\u2029",
    "a\u00a0b", "a\u3000b", "a\u2003b\u2009c", "a\u1680b", "a\u180eb", "a\u0085b", "a\u202fb\u205fc", "a\u2060b",
    "\ufffd", "\U000e0001", "\U0001f9ff\U0001f9ff", "a\u0378b", "\ue000", "\U0010ffff",
]  # fmt: skip
_CONTROLS = [
    "\0", "a\0b", "a \0 b", "\x01\x02", "a\x07b", "\x1b[31mred\x1b[0m", "a\x0bb\x0cc", "a\x1cb\x1dc\x1ed\x1fe",
    "\x7f", "a\x80b", "\x9f", "\r\n", "\n\n\n", "\t\t a", "a\x00", "\x00\x00",
]  # fmt: skip
_LONG = [
    "cat " * 200, "a" * 500, "1" * 300, "!" * 300, "é" * 200, "😀" * 60, "日本" * 100, "a b " * 37 + "a", "a b " * 38,
    "word, " * 60, " " * 1000, "don't " * 100, "<|endoftext|>" * 100, "ab1" * 120,
]  # fmt: skip

#: Blocks whose characters have kept their meaning for many Unicode versions.
_POOLS = [
    (0x20, 0x7E), (0x00, 0x1F), (0xA0, 0xFF), (0x100, 0x17F), (0x370, 0x3FF), (0x400, 0x45F), (0x300, 0x345),
    (0x5D0, 0x5EA), (0x905, 0x939), (0xE01, 0xE3A), (0x1E00, 0x1EFF), (0x2000, 0x206F), (0x20A0, 0x20B9),
    (0x2100, 0x214F), (0x2150, 0x2188), (0x2600, 0x26FF), (0x3041, 0x3096), (0x30A1, 0x30FA), (0x4E00, 0x9FA5),
    (0xAC00, 0xD7A3), (0x1100, 0x1112), (0x1161, 0x1175), (0xFF01, 0xFF5E), (0xFB00, 0xFB06), (0x1F300, 0x1F5FF),
    (0x1D400, 0x1D454),
]  # fmt: skip


def _random_texts(count):
    source = random.Random(5)
    texts = []
    for _ in range(count):
        pools = source.sample(_POOLS, source.randint(1, 4)) + [(0x61, 0x7A), (0x20, 0x20)]
        texts.append("".join(chr(source.randint(*source.choice(pools))) for _ in range(source.randint(1, 40))))
    return texts


def cases(tokenizers):
    """Per tokenizer the ids after truncation, without padding; the padding's id stands beside."""
    every = _PLAIN + _APOSTROPHES + _SPECIAL + _SCRIPTS + _SYMBOLS + _CONTROLS + _LONG
    chosen = {"sd1": every + _random_texts(300), "sd2": _SPECIAL[:4] + _LONG, "odd": _PLAIN + _LONG}
    return [
        {
            "model": name,
            "length": tokenizers[name].model_max_length,
            "padding": tokenizers[name].pad_token_id,
            "cases": [{"text": text, "ids": _ids(tokenizers[name], text)} for text in texts],
        }
        for name, texts in chosen.items()
    ]


def _ids(tokenizer, text):
    length = tokenizer.model_max_length
    ids = tokenizer(text, truncation=True, max_length=length).input_ids
    padded = tokenizer(text, truncation=True, max_length=length, padding="max_length").input_ids
    assert padded == ids + [tokenizer.pad_token_id] * (length - len(ids))
    return ids

"""Pretrains the text encoder, OUT/text.pt, so that the diffusion starts with words that mean something.

The pooled state learns four things at once: the embedding that a public sentence encoder (MiniLM) gives to the words,
the style, the background, and the picture's thumbnail.
"""
import pathlib

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer, CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from captions import STYLES, Scene, caption, concepts
from common import BACKGROUNDS, Run, arguments, autocast, composite, open_pictures, optimizer
from tokenizer import CONTEXT

WIDTH = 256


def create(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    return CLIPTextModel(CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=WIDTH, intermediate_size=4 * WIDTH, num_hidden_layers=4,
        num_attention_heads=4, max_position_embeddings=CONTEXT, hidden_act="quick_gelu", projection_dim=WIDTH,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id))


def tokens(tokenizer: CLIPTokenizer, texts: list[str], full: bool = False) -> torch.Tensor:
    """Token ids `[N, T]`; `full` pads to the whole context, as a pipeline does."""
    return tokenizer(texts, padding="max_length" if full else "longest", truncation=True, max_length=CONTEXT,
                     return_tensors="pt").input_ids


@torch.inference_mode()
def teach(folder: pathlib.Path, texts: list[str]) -> torch.Tensor:
    """MiniLM's sentence embeddings `[N, 384]`, of length one."""
    reader, teacher = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    output = []
    for start in range(0, len(texts), 128):
        batch = reader(texts[start:start + 128], padding=True, truncation=True, max_length=32, return_tensors="pt")
        with autocast():
            states = teacher(**batch).last_hidden_state.float()
        mask = batch.attention_mask[..., None]
        output.append(torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=-1))
    return torch.cat(output)


class Heads(torch.nn.Module):
    """What the pooled state is asked for while it pretrains; thrown away afterwards."""

    def __init__(self):
        super().__init__()
        self.meaning = torch.nn.Linear(WIDTH, 384)
        self.style = torch.nn.Linear(WIDTH, len(STYLES))
        self.background = torch.nn.Linear(WIDTH, len(BACKGROUNDS))
        self.thumbnail = torch.nn.Sequential(torch.nn.Linear(WIDTH, 512), torch.nn.SiLU(),
                                             torch.nn.Linear(512, 16 * 16 * 3))


def main() -> None:
    parser = arguments(__doc__, steps=830, batch=96)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="what prepare.py wrote")
    parser.add_argument("--words", type=pathlib.Path, required=True, help="a list of common words, one a line")
    parser.add_argument("--teacher", type=pathlib.Path, required=True, help="folder of all-MiniLM-L6-v2")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    pictures, rows = open_pictures(options.data)
    names = concepts()
    chosen = [index for index, row in enumerate(rows) if row["name"] in names]
    colours = np.array(list(BACKGROUNDS.values()))
    backgrounds, styles = list(BACKGROUNDS), list(STYLES)
    small = pictures[chosen].astype(np.float32).reshape(len(chosen), 16, 8, 16, 8, 4).mean(axis=(2, 4))

    phrases = list(dict.fromkeys(
        [text.replace("’", "'").lower() for row in rows for text in (row["name"], *row["keywords"])]
        + options.words.read_text().split()))
    number = {phrase: index for index, phrase in enumerate(phrases)}
    meanings = teach(options.teacher, phrases)
    print(f"{len(phrases)} phrases", flush=True)

    tokenizer = CLIPTokenizer.from_pretrained(options.out / "tokenizer")
    model, heads = create(tokenizer), Heads()
    both = torch.nn.ModuleList([model, heads])
    embeddings = tuple(name for name, _ in both.named_parameters() if "embedding" in name)
    muon = optimizer(both, 0.02, 2e-3, (*embeddings, "1."))
    cross_entropy = torch.nn.functional.cross_entropy
    run = Run("text", options, both, muon, every=100)
    for generator in run:
        picks = generator.integers(len(chosen), size=options.batch)
        background = np.where(generator.random(options.batch) < 0.4, 0, generator.integers(len(colours), size=options.batch))
        described = [rows[chosen[pick]] for pick in picks]
        texts = [str(caption(Scene([chosen[pick]], background=backgrounds[b]), rows, names, generator))
                 for pick, b in zip(picks, background)]
        others = generator.integers(len(phrases), size=options.batch)
        texts += [phrases[index] for index in others]
        meaning = meanings[[number[row["name"].replace("’", "'").lower()] for row in described] + list(others)]
        with autocast():
            pooled = model(tokens(tokenizer, texts)).pooler_output
        pooled = pooled.float()
        first = pooled[:options.batch]
        style = torch.tensor([styles.index(row["style"]) for row in described])
        picture = composite(small[picks], colours[background]).flatten(1)
        losses = torch.stack([
            1 - torch.nn.functional.cosine_similarity(heads.meaning(pooled), meaning).mean(),
            cross_entropy(heads.style(first), style),
            cross_entropy(heads.background(first), torch.from_numpy(background)),
            (heads.thumbnail(first) - picture).square().mean()])
        run.descend((losses * torch.tensor([1, 0.2, 0.2, 4.0])).sum())


if __name__ == "__main__":
    main()

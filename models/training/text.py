"""Pretrains the text encoder, OUT/text.pt, so that the diffusion starts with words that mean something.

The pooled state learns five things at once: the embedding that a public sentence encoder (MiniLM) gives to the words, which
concepts are asked for, the style, the background, and the picture's thumbnail. Each scene is described twice, in the trained order
and as people write; the last states, which have read the whole text, are to be the same for both. With --start, the encoder's
states for the concepts on which a denoiser has been trained are kept.
"""
import pathlib

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer, CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from captions import DEFAULT_STYLE, STYLES, concepts, expectations, pair
from common import BACKGROUNDS, Run, arguments, autocast, open_pictures, optimizer, rest, shrunk
from scenes import Composer, compose
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
def teach(folder: pathlib.Path, texts: list[str], cache: pathlib.Path, pause: pathlib.Path | None = None) -> torch.Tensor:
    """MiniLM's sentence embeddings `[N, 384]`, of length one; those in the file `cache` are not computed again."""
    known = torch.load(cache) if cache.exists() else {}
    missing = sorted({text for text in texts if text not in known}, key=len)
    if missing:
        reader, teacher = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    for start in range(0, len(missing), 128):
        rest(pause)
        batch = reader(missing[start:start + 128], padding=True, truncation=True, max_length=32, return_tensors="pt")
        with autocast():
            states = teacher(**batch).last_hidden_state.float()
        mask = batch.attention_mask[..., None]
        meanings = torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=-1)
        known |= dict(zip(missing[start:start + 128], meanings.half()))
    if missing:
        torch.save(known, cache)
    return torch.stack([known[text] for text in texts]).float()


class Heads(torch.nn.Module):
    """What the pooled state is asked for while it pretrains. The denoiser needs none of it; `things` judges what a prompt is understood as."""

    def __init__(self, things: int):
        super().__init__()
        self.meaning = torch.nn.Linear(WIDTH, 384)
        self.things = torch.nn.Linear(WIDTH, things)
        self.style = torch.nn.Linear(WIDTH, len(STYLES))
        self.background = torch.nn.Linear(WIDTH, len(BACKGROUNDS))
        self.thumbnail = torch.nn.Sequential(torch.nn.Linear(WIDTH, 512), torch.nn.SiLU(),
                                             torch.nn.Linear(512, 16 * 16 * 3))


#: How often a kind of scene is described.
KINDS = {"full": 0.5, "gradient": 0.05, "placed": 0.08, "pair": 0.27, "count": 0.1}
TAIL = 8  #: how many of the last states, which have read the whole text, are to be the same for all phrasings of a scene


def difference(states: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Mean squared difference of the last states `[N, T, C]`."""
    return (states[:, -TAIL:].float() - wanted[:, -TAIL:].float()).square().mean()


@torch.inference_mode()
def understanding(model: CLIPTextModel, heads: Heads, tokenizer: CLIPTokenizer, order: list[str]) -> dict[str, float]:
    """Of the 500 plain prompts, how many are understood, in percent: by the heads, before anything is drawn.

    Things: all that are asked for are among the first one (or two), or five, concepts; unknown ones are counted apart.
    """
    asked = expectations()
    pooled = torch.cat([model(tokens(tokenizer, [one["prompt"] for one in asked[start:start + 64]], full=True)).pooler_output
                        for start in range(0, len(asked), 64)])
    best = [[order[n] for n in line] for line in heads.things(pooled).topk(5, dim=1).indices.tolist()]
    colours = [list(BACKGROUNDS)[n] for n in heads.background(pooled).argmax(1).tolist()]
    styles = [list(STYLES)[n] for n in heads.style(pooled).argmax(1).tolist()]

    def share(hits) -> float:
        hits = list(hits)
        return round(100 * sum(hits) / max(len(hits), 1), 1)

    def found(one: dict, line: list[str], count: int) -> bool:
        return all(set(group) & set(line[:count]) for group in one["things"])

    known = [(one, line) for one, line in zip(asked, best) if not one["unknown"]]
    return {"first": share(found(one, line, len(one["things"])) for one, line in known), "five": share(found(one, line, 5) for one, line in known),
            "unknown": share(found(one, line, 1) for one, line in zip(asked, best) if one["unknown"]),
            "background": share(colour == one["background"] for one, colour in zip(asked, colours)),
            "style": share(style == (one["style"] or DEFAULT_STYLE) for one, style in zip(asked, styles))}


def main() -> None:
    parser = arguments(__doc__, steps=2000, batch=48)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="what prepare.py wrote")
    parser.add_argument("--words", type=pathlib.Path, required=True, help="a list of common words, one a line")
    parser.add_argument("--teacher", type=pathlib.Path, required=True, help="folder of all-MiniLM-L6-v2")
    parser.add_argument("--start", type=pathlib.Path, help="a diffusers folder to go on with: its states for captions in the trained order stay")
    parser.add_argument("--anchored", type=int, default=163, help="with --start: for so many of the first concepts")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    pictures, rows = open_pictures(options.data)
    names, backgrounds, styles = concepts(), list(BACKGROUNDS), list(STYLES)
    order = list(names)
    chosen = [index for index, row in enumerate(rows) if row["name"] in names]
    small = shrunk(pictures, chosen, 16)
    composer = Composer(rows, chosen)

    phrases = list(dict.fromkeys(
        [text.replace("’", "'").lower() for row in rows for text in (row["name"], *row["keywords"])]
        + [word.lower() for words in names.values() for word in words] + options.words.read_text().split()))
    number = {phrase: index for index, phrase in enumerate(phrases)}
    meanings = teach(options.teacher, phrases, options.out / "meanings.pt", options.pause)
    called = torch.stack([meanings[[number[word.lower()] for word in names[name]]].mean(0) for name in order])
    called = torch.nn.functional.normalize(called, dim=1)
    print(f"{len(phrases)} phrases, {len(order)} concepts", flush=True)

    tokenizer = CLIPTokenizer.from_pretrained(options.out / "tokenizer")
    model, heads, before = create(tokenizer), Heads(len(order)), None
    if options.start:
        before = CLIPTextModel.from_pretrained(options.start / "text_encoder").float().eval().requires_grad_(False)
        model.load_state_dict(before.state_dict())
    both = torch.nn.ModuleList([model, heads])
    embeddings = tuple(name for name, _ in both.named_parameters() if "embedding" in name)
    muon = optimizer(both, 0.02, 2e-3, (*embeddings, "1."))
    muon.slow_down(set(model.parameters()), 0.5 if options.start else 1)
    cross_entropy, count = torch.nn.functional.cross_entropy, options.batch
    run = Run("text", options, both, muon, every=50)
    for generator in run:
        scenes = [composer.scene(str(generator.choice(list(KINDS), p=list(KINDS.values()))), generator) for _ in range(count)]
        ordered, spoken = zip(*(pair(scene, rows, names, generator) for scene in scenes))
        others = generator.integers(len(phrases), size=count)
        with autocast():
            output = model(tokens(tokenizer, [*ordered, *spoken], full=True))
            short = model(tokens(tokenizer, [phrases[index] for index in others])).pooler_output.float()
            kept = before(tokens(tokenizer, list(ordered), full=True)).last_hidden_state.float() if before else None
        pooled, states = output.pooler_output.float(), output.last_hidden_state.float()
        shown = [[order.index(rows[index]["name"]) for index in dict.fromkeys(scene.things)] for scene in scenes]
        things = torch.zeros(count, len(order))
        for line, indices in zip(things, shown):
            line[indices] = 1 / len(indices)
        meaning = torch.nn.functional.normalize(things @ called, dim=1).repeat(2, 1)
        likeness = (meanings[others] @ called.T / 0.05).softmax(1)
        style = torch.tensor([styles.index(rows[scene.things[0]]["style"]) for scene in scenes]).repeat(2)
        plain_background = torch.tensor([-100 if scene.gradient else backgrounds.index(scene.background) for scene in scenes]).repeat(2)
        picture = torch.stack([compose(scene, small) for scene in scenes]).flatten(1).repeat(2, 1)
        cosine = torch.nn.functional.cosine_similarity
        losses = torch.stack([
            1 - cosine(heads.meaning(torch.cat([pooled, short])), torch.cat([meaning, meanings[others]])).mean(),
            cross_entropy(heads.things(pooled), things.repeat(2, 1)),
            cross_entropy(heads.things(short), likeness),
            cross_entropy(heads.style(pooled), style),
            cross_entropy(heads.background(pooled), plain_background),
            (heads.thumbnail(pooled) - picture).square().mean(),
            difference(states[count:], states[:count].detach())])
        loss = (losses * torch.tensor([1, 0.3, 0.1, 0.2, 0.2, 4.0, 1.0])).sum()
        if before:
            old = torch.tensor([all(index < options.anchored for index in indices) for indices in shown]).float()
            loss = loss + 0.5 * ((states[:count] - kept).square().mean(dim=(1, 2)) * old).sum() / old.sum().clamp(min=1)
        run.descend(loss)
        if run.step % 250 == 0:
            model.eval(), print({name: round(value, 3) for name, value in zip(("meaning", "things", "likeness", "style", "background", "thumbnail", "phrasing"),
                                                                             losses.tolist())}, understanding(model, heads, tokenizer, order), flush=True)
            model.train()
    both.load_state_dict(run.averaged())
    print(understanding(model.eval(), heads, tokenizer, order), flush=True)


if __name__ == "__main__":
    main()

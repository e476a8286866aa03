"""Searches for a text: greedy, ancestral sampling, beam search, contrastive search (Su et al. 2022).

One prompt, a list of ids or a tensor (T,), is answered by one list, prompt included; several prompts, a list of lists
or a tensor (B, T), by a list of lists. A row ends with `stop_id` where that is chosen. With `trace=True` the answer is
a pair: the text, and what was considered at each step, as plain lists and dictionaries, one for each prompt.
"""

from numbers import Integral

import torch
from torch import Tensor
from torch.nn import functional as F

from lecture_lib.decoding.filters import Sampler
from lecture_lib.decoding.reader import Reader
from lecture_lib.inference.documents import Ids, as_documents, is_nested
from lecture_lib.inference.evaluating import evaluating

SHOWN = 10  # candidates of a step that a trace keeps


def greedy_decode(
    model, prompt: Ids, max_tokens: int, stop_id: int | None = None, trace: bool = False, cache: bool = True
) -> list | tuple[list, list]:
    """The likeliest token at every step, the smallest id among equals."""
    return ancestral_sample(
        model, prompt, max_tokens, Sampler(temperature=0), stop_id=stop_id, trace=trace, cache=cache
    )


def ancestral_sample(
    model,
    prompt: Ids,
    max_tokens: int,
    sampler: Sampler | None = None,
    rng: int | torch.Generator | None = None,
    stop_id: int | None = None,
    trace: bool = False,
    cache: bool = True,
) -> list | tuple[list, list]:
    """Draws every token from its distribution as `sampler` filters it; its repetition penalty counts the prompt, its
    presence and frequency penalties only what is drawn.

    A trace is a list of steps {"candidates": [{"id", "prob", "filtered"}, ...], "chosen", "prob"}: the model's own
    probability and the one drawn from, of the likeliest before filtering.
    """
    sampler = sampler or Sampler()
    prompts, single = _as_prompts(prompt)
    generator = _as_generator(rng)
    steps: list[list[dict]] = [[] for _ in prompts]
    stopped = [False] * len(prompts)
    given = torch.tensor([len(start) for start in prompts])
    with evaluating(model):
        reader = Reader(model, prompts, max_tokens, cache)
        for _ in range(max_tokens):
            logits = reader.logits()
            filtered = sampler(logits, reader.history(), given) if sampler.penalises else sampler(logits)
            tokens = _draw(filtered, sampler, generator)
            if trace:
                own, drawn_from = logits.softmax(-1).cpu(), filtered.softmax(-1).cpu()
                for row, token in enumerate(tokens):
                    if not stopped[row]:
                        steps[row].append(_candidates(own[row], drawn_from[row], token))
            reader.push(tokens)
            stopped = [was or token == stop_id for was, token in zip(stopped, tokens)]
            if all(stopped):
                break
    texts = [_cut(row, len(start), stop_id) for row, start in zip(reader.rows, prompts)]
    return _answer(texts, steps, single, trace)


def _as_generator(rng: int | torch.Generator | None) -> torch.Generator | None:
    if rng is None or isinstance(rng, torch.Generator):
        return rng
    if not isinstance(rng, Integral):
        raise TypeError(f"rng must be a seed or a torch.Generator, not {type(rng).__module__}.{type(rng).__name__}")
    return torch.Generator().manual_seed(int(rng))


def _draw(filtered: Tensor, sampler: Sampler, generator: torch.Generator | None) -> list[int]:
    """One token for each row of logits (B, vocab_size), on the CPU, so that a seed means the same on every device."""
    if sampler.temperature == 0:
        return filtered.argmax(-1).tolist()
    return torch.multinomial(filtered.softmax(-1).cpu(), 1, generator=generator)[:, 0].tolist()


def beam_search(
    model,
    prompt: Ids,
    max_tokens: int,
    width: int = 4,
    length_penalty: float = 1.0,
    stop_id: int | None = None,
    trace: bool = False,
    cache: bool = True,
) -> list | tuple[list, list]:
    """The best text found while the `width` likeliest unfinished ones are extended at each step.

    Its score is log p / length^length_penalty over the new tokens: 0 compares probabilities, which favours short texts,
    1 the mean log-probability. A text that ends gives up its place in the beam, so width 1 is greedy. The search is
    over when no unfinished text could still overtake the best finished one.

    A trace is a list of steps, each a list of hypotheses, likeliest first: {"ids": new tokens, "log_prob", "score",
    "parent": place in the step before, "finished"}.
    """
    if width < 1 or length_penalty < 0:
        raise ValueError(f"width must be at least 1 and length_penalty at least 0, not {width} and {length_penalty}")
    prompts, single = _as_prompts(prompt)
    best = [{"ids": [], "score": float("-inf")} for _ in prompts]
    steps: list[list[list[dict]]] = [[] for _ in prompts]
    with evaluating(model):
        reader = Reader(model, prompts, max_tokens, cache)
        totals = torch.zeros(len(prompts), 1, dtype=torch.float64)  # (B, beam); -inf where a place is given up
        for length in range(1, max_tokens + 1):
            totals, parents, tokens = _extend(reader, totals, width)
            finished = tokens == (-1 if stop_id is None else stop_id)
            for b, start in enumerate(prompts):
                beam = [row[len(start) :] for row in reader.rows[b * totals.shape[1] :]]
                columns = zip(beam, totals[b].tolist(), parents[b].tolist(), finished[b].tolist())
                step = [
                    {"ids": ids, "log_prob": p, "score": p / length**length_penalty, "parent": parent, "finished": ends}
                    for ids, p, parent, ends in columns
                    if p > float("-inf")
                ]
                steps[b] += [step] if step else []
                ended = [text for text in step if text["finished"] or length == max_tokens]
                best[b] = max([best[b], *ended], key=lambda text: text["score"])
                totals[b, finished[b]] = float("-inf")
                if best[b]["score"] >= totals[b].max().item() / max_tokens**length_penalty:
                    totals[b] = float("-inf")  # a longer text is no more probable, and never longer than max_tokens
            if totals.max() == float("-inf"):
                break
    return _answer([start + text["ids"] for start, text in zip(prompts, best)], steps, single, trace)


def _extend(reader: Reader, totals: Tensor, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """Extends each prompt's beam by its likeliest tokens -> new totals, parents, tokens, each (B, new beam)."""
    B, beam = totals.shape
    log_probs = reader.logits().log_softmax(-1).cpu().double()
    vocab_size = log_probs.shape[-1]
    reached = (totals[..., None] + log_probs.view(B, beam, vocab_size)).flatten(1)
    totals, chosen = reached.topk(min(width, beam * vocab_size))
    parents, tokens = chosen // vocab_size, chosen % vocab_size
    reader.reorder((torch.arange(B)[:, None] * beam + parents).flatten())
    reader.push(tokens.flatten())
    return totals, parents, tokens


def contrastive_search(
    model,
    prompt: Ids,
    max_tokens: int,
    k: int = 4,
    alpha: float = 0.6,
    stop_id: int | None = None,
    trace: bool = False,
    cache: bool = True,
) -> list | tuple[list, list]:
    """Of the k likeliest tokens v the one with the largest (1 - alpha) p(v) - alpha max_j cos(h_v, h_j).

    h_v is the last layer's vector if v is read next, h_j those of the text so far: a candidate that would repeat what
    stands there is marked down. alpha = 0 is greedy. Needs `model.hidden` and `model.head`.

    A trace is a list of steps {"candidates": [{"id", "prob", "similarity", "score"}, ...], "chosen"}.
    """
    if k < 1 or not 0 <= alpha <= 1:
        raise ValueError(f"k must be at least 1 and alpha from 0 to 1, not {k} and {alpha}")
    if not (hasattr(model, "hidden") and hasattr(model, "head")):
        raise ValueError(f"contrastive search compares vectors, and {type(model).__name__} has no hidden() and head()")
    prompts, single = _as_prompts(prompt)
    B, lengths = len(prompts), torch.tensor([len(start) for start in prompts])
    steps: list[list[dict]] = [[] for _ in prompts]
    stopped = [False] * B
    with evaluating(model):
        reader = Reader(model, prompts, max_tokens, cache)
        H, logits = reader.hidden()
        memory = F.normalize(H, dim=-1)  # (B, T, d), padding on the left
        T = memory.shape[1]
        padding = (torch.arange(T) < T - lengths[:, None]).to(memory.device)
        for _ in range(max_tokens):
            p, ids = logits.softmax(-1).topk(min(k, logits.shape[-1]))  # (B, k)
            n = ids.shape[1]
            reader.reorder(torch.arange(B).repeat_interleave(n))
            reader.push(ids.flatten())
            H, logits = reader.hidden()
            h = F.normalize(H[:, -1], dim=-1).unflatten(0, (B, n))  # (B, k, d)
            similarity = (h @ memory.mT).masked_fill(padding[:, None], float("-inf")).amax(-1)
            scores = (1 - alpha) * p - alpha * similarity
            best = scores.argmax(-1)
            rows = torch.arange(B, device=best.device) * n + best
            reader.reorder(rows)
            logits = logits[rows]
            memory = torch.cat((memory, h[torch.arange(B), best][:, None]), 1)
            padding = F.pad(padding, (0, 1))
            columns = zip(ids.tolist(), p.tolist(), similarity.tolist(), scores.tolist())
            for row, values in enumerate(columns):
                token = reader.rows[row][-1]
                if not stopped[row]:
                    keys = ("id", "prob", "similarity", "score")
                    steps[row].append({"candidates": [dict(zip(keys, v)) for v in zip(*values)], "chosen": token})
                stopped[row] |= token == stop_id
            if all(stopped):
                break
    texts = [_cut(row, len(start), stop_id) for row, start in zip(reader.rows, prompts)]
    return _answer(texts, steps, single, trace)


def _as_prompts(prompt: Ids) -> tuple[list[list[int]], bool]:
    """Prompts as a list of lists, and whether only one was given."""
    return [document.tolist() for document in as_documents(prompt)], not is_nested(prompt)


def _candidates(own: Tensor, filtered: Tensor, token: int) -> dict:
    """One step of a trace: the likeliest tokens, what filters left of them, and what was drawn."""
    ids = own.argsort(descending=True, stable=True)[:SHOWN].tolist()
    return {
        "candidates": [{"id": i, "prob": own[i].item(), "filtered": filtered[i].item()} for i in ids],
        "chosen": token,
        "prob": own[token].item(),
    }


def _cut(row: list[int], begin: int, stop_id: int | None) -> list[int]:
    """Up to the first stop_id after the prompt."""
    return row[: row.index(stop_id, begin) + 1] if stop_id in row[begin:] else row


def _answer(texts: list, steps: list, single: bool, trace: bool) -> list | tuple[list, list]:
    if single:
        texts, steps = texts[0], steps[0]
    return (texts, steps) if trace else texts

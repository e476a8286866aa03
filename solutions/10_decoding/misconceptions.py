"""Wrong answers that students give in unit 10_decoding, each with the hint that it earns."""

import torch

from lecture_lib.mywork import saved_work
from lecture_lib.checking.bank import misconception, wrong_choice

my = saved_work("10_decoding")


# --- greedy_path


takes_the_largest = misconception(
    "greedy_path",
    "Your path takes the most expensive edge at every node. A weight is a cost, as -ln p is: which one would you "
    "like to pay?",
    change=("name = min(tree, key=lambda edge: tree[edge][0])", "name = max(tree, key=lambda edge: tree[edge][0])"),
)


@misconception(
    "greedy_path",
    "Your path is better than the greedy one: you looked at whole paths before you chose. What may a greedy "
    "search look at, and how many nodes would your way visit if each of 1000 steps had 50,000 edges?",
)
def finds_the_best_path(tree):
    def paths(tree):
        if not tree:
            yield 0, []
        for name, (weight, below) in tree.items():
            for total, path in paths(below):
                yield weight + total, [name, *path]

    total, path = min(paths(tree))
    return path, total


keeps_the_last_weight = misconception(
    "greedy_path",
    "Your path is right, but the total is only its last weight. What happens to the weights of the steps before?",
    change=[("weight, tree", "total, tree"), ("path.append(name)\ntotal += weight", "path.append(name)")],
)


compares_names = misconception(
    "greedy_path",
    "You go by the names of the edges, not by their weights. What does `min` compare when it is given a dictionary?",
    change=(", key=lambda edge: tree[edge][0]", ""),
)


@misconception(
    "greedy_path",
    "You stop after one step, wherever it leads. When is a path at its end?",
)
def takes_one_step(tree):
    if not tree:
        return [], 0
    name = min(tree, key=lambda edge: tree[edge][0])
    return [name], tree[name][0]


multiplies_the_weights = misconception(
    "greedy_path",
    "Your totals are products. Which operation turns the weights of single steps into the cost of the way?",
    change=[("total = [], 0", "total = [], 1 if tree else 0"), ("total += weight", "total *= weight")],
)


# --- greedy_decode


@misconception(
    "greedy_decode",
    "A stop_id of 0 never stops you. `if stop_id` is false for None, and for which number?",
)
def zero_never_stops(model, prompt, max_tokens, stop_id=None):
    ids = list(prompt)
    for _ in range(max_tokens):
        ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
        if stop_id and ids[-1] == stop_id:
            break
    return ids


@misconception(
    "greedy_decode",
    "One token after a one-token prompt is right, but your model has a short memory: it is shown only the last "
    "token. What else did it see when it was trained?",
)
def reads_the_last_token_only(model, prompt, max_tokens, stop_id=None):
    ids = list(prompt)
    for _ in range(max_tokens):
        ids.append(int(model(torch.tensor([ids[-1:]]))[0, -1].argmax()))
        if ids[-1] == stop_id:
            break
    return ids


@misconception(
    "greedy_decode",
    "You read the scores at the first place. They tell what comes after the *first* token: whose successor do you "
    "want?",
)
def asks_the_first_place(model, prompt, max_tokens, stop_id=None):
    ids = list(prompt)
    for _ in range(max_tokens):
        ids.append(int(model(torch.tensor([ids]))[0, 0].argmax()))
        if ids[-1] == stop_id:
            break
    return ids


@misconception(
    "greedy_decode",
    "You write the least likely token. The weight of an edge is -ln p, and a score grows with p: which end is which?",
)
def takes_the_lowest_score(model, prompt, max_tokens, stop_id=None):
    ids = list(prompt)
    for _ in range(max_tokens):
        ids.append(int(model(torch.tensor([ids]))[0, -1].argmin()))
        if ids[-1] == stop_id:
            break
    return ids


@misconception(
    "greedy_decode",
    "Your new tokens are right, but the prompt is missing in front of them. What does the docstring ask for?",
)
def returns_only_what_is_new(model, prompt, max_tokens, stop_id=None):
    ids = list(prompt)
    for _ in range(max_tokens):
        ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
        if ids[-1] == stop_id:
            break
    return ids[len(prompt) :]


@misconception(
    "greedy_decode",
    "Your text continues after the stop_id. Where do you look at the token that was just written?",
)
def never_stops(model, prompt, max_tokens, stop_id=None):
    ids = list(prompt)
    for _ in range(max_tokens):
        ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
    return ids


@misconception(
    "greedy_decode",
    "Your text ends one token too early: the stop_id itself is missing. Is it part of the text or not?",
)
def leaves_out_the_stop_id(model, prompt, max_tokens, stop_id=None):
    ids = list(prompt)
    for _ in range(max_tokens):
        new = int(model(torch.tensor([ids]))[0, -1].argmax())
        if new == stop_id:
            break
        ids.append(new)
    return ids


@misconception(
    "greedy_decode",
    "With a stop_id inside the prompt you write nothing at all. Which tokens may end the text: the given or the "
    "chosen?",
)
def stops_at_the_prompt_s(model, prompt, max_tokens, stop_id=None):
    ids = list(prompt)
    for _ in range(max_tokens):
        if stop_id in ids:
            break
        ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
    return ids


@misconception(
    "greedy_decode",
    "The longer the prompt, the fewer tokens you write. Does max_tokens count the prompt?",
)
def counts_the_prompt(model, prompt, max_tokens, stop_id=None):
    ids = list(prompt)
    while len(ids) < max_tokens:
        ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
        if ids[-1] == stop_id:
            break
    return ids


@misconception(
    "greedy_decode",
    "Your text is right, but the caller's prompt has grown. To which list do you append?",
)
def writes_into_the_prompt(model, prompt, max_tokens, stop_id=None):
    ids = prompt
    for _ in range(max_tokens):
        ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
        if ids[-1] == stop_id:
            break
    return ids


# --- ancestral_sample


@misconception(
    "ancestral_sample",
    "Every row gets the likeliest token, every time. That was the last section: where does chance come in here?",
)
def takes_the_likeliest(model, ids, max_tokens, rng, adjust=None):
    for _ in range(max_tokens):
        logits = model(ids)[:, -1]
        logits = logits if adjust is None else adjust(logits, ids)
        ids = torch.cat([ids, logits.argmax(dim=-1, keepdim=True)], dim=1)
    return ids


@misconception(
    "ancestral_sample",
    "All rows get the same token, drawn once. How many rows of probabilities do you hand to the draw?",
)
def one_draw_for_all_rows(model, ids, max_tokens, rng, adjust=None):
    for _ in range(max_tokens):
        logits = model(ids)[:, -1]
        logits = logits if adjust is None else adjust(logits, ids)
        new = torch.multinomial(torch.softmax(logits, dim=-1)[:1], 1, generator=rng)
        ids = torch.cat([ids, new.expand(len(ids), 1)], dim=1)
    return ids


@misconception(
    "ancestral_sample",
    "You draw from the scores at the first place of the text. Whose successor do those describe?",
)
def asks_after_the_first_token(model, ids, max_tokens, rng, adjust=None):
    for _ in range(max_tokens):
        logits = model(ids)[:, 0]
        logits = logits if adjust is None else adjust(logits, ids)
        new = torch.multinomial(torch.softmax(logits, dim=-1), 1, generator=rng)
        ids = torch.cat([ids, new], dim=1)
    return ids


@misconception(
    "ancestral_sample",
    "All tokens come about equally often. Your softmax runs down the batch: along which axis do the tokens lie?",
)
def softmax_over_the_batch(model, ids, max_tokens, rng, adjust=None):
    for _ in range(max_tokens):
        logits = model(ids)[:, -1]
        logits = logits if adjust is None else adjust(logits, ids)
        new = torch.multinomial(torch.softmax(logits, dim=0), 1, generator=rng)
        ids = torch.cat([ids, new], dim=1)
    return ids


@misconception(
    "ancestral_sample",
    "Without `adjust` all is right; with it, nothing changes. Where is it called, and what becomes of what it returns?",
)
def forgets_to_adjust(model, ids, max_tokens, rng, adjust=None):
    for _ in range(max_tokens):
        probs = torch.softmax(model(ids)[:, -1], dim=-1)
        ids = torch.cat([ids, torch.multinomial(probs, 1, generator=rng)], dim=1)
    return ids


@misconception(
    "ancestral_sample",
    "`adjust` hears of the last token only. It is promised the ids so far, since a penalty must know the whole text: "
    "what do you hand on?",
)
def adjusts_by_the_last_token(model, ids, max_tokens, rng, adjust=None):
    for _ in range(max_tokens):
        logits = model(ids)[:, -1]
        if adjust is not None:
            logits = adjust(logits, ids[:, -1:])
        ids = torch.cat([ids, torch.multinomial(torch.softmax(logits, -1), 1, generator=rng)], 1)
    return ids


@misconception(
    "ancestral_sample",
    "Two different seeds give the same text. Whose random numbers does your draw use?",
)
def a_generator_of_its_own(model, ids, max_tokens, rng, adjust=None):
    own = torch.Generator().manual_seed(0)
    for _ in range(max_tokens):
        logits = model(ids)[:, -1]
        logits = logits if adjust is None else adjust(logits, ids)
        new = torch.multinomial(torch.softmax(logits, dim=-1), 1, generator=own)
        ids = torch.cat([ids, new], dim=1)
    return ids


@misconception(
    "ancestral_sample",
    "Your first token follows the right distribution, the second doesn't: the model was shown only the newest token. "
    "What should it read?",
)
def forgets_the_beginning(model, ids, max_tokens, rng, adjust=None):
    new = ids
    for _ in range(max_tokens):
        logits = model(new)[:, -1]
        logits = logits if adjust is None else adjust(logits, ids)
        new = torch.multinomial(torch.softmax(logits, dim=-1), 1, generator=rng)
        ids = torch.cat([ids, new], dim=1)
    return ids


@misconception(
    "ancestral_sample",
    "The tokens are right, but the prompts in front of them are missing. Which shape does the docstring promise?",
)
def returns_only_the_new(model, ids, max_tokens, rng, adjust=None):
    T = ids.shape[1]
    for _ in range(max_tokens):
        logits = model(ids)[:, -1]
        logits = logits if adjust is None else adjust(logits, ids)
        new = torch.multinomial(torch.softmax(logits, dim=-1), 1, generator=rng)
        ids = torch.cat([ids, new], dim=1)
    return ids[:, T:]


# --- beam_search


@misconception(
    "beam_search",
    "Where a finished text leaves the beam, you let the next best beginning move up. The rule keeps the `width` best "
    "of all extensions, finished ones among them: what becomes of their places?",
)
def refills_the_beam(model, prompt, width, max_tokens, length_penalty=1.0, stop_id=None):
    beam, found = [(0.0, list(prompt))], []
    for n in range(1, max_tokens + 1):
        log_probs = torch.log_softmax(model(torch.tensor([ids for _, ids in beam]))[:, -1], -1).tolist()
        longer = [(t + more, ids + [i]) for (t, ids), row in zip(beam, log_probs) for i, more in enumerate(row)]
        beam = []
        for total, ids in sorted(longer, reverse=True):
            if len(beam) == width:
                break
            if ids[-1] == stop_id:
                found.append((total / n**length_penalty, ids))
            else:
                beam.append((total, ids))
    found += [(total / n**length_penalty, ids) for total, ids in beam]
    score, ids = max(found)
    return ids, score


@misconception(
    "beam_search",
    "Width 1 is right, wider beams are not better: each text of your beam keeps its own best extension. Against whom "
    "should an extension compete?",
)
def each_keeps_its_own_best(model, prompt, width, max_tokens, length_penalty=1.0, stop_id=None):
    beam, found = [(0.0, list(prompt))], []
    for n in range(1, max_tokens + 1):
        log_probs = torch.log_softmax(model(torch.tensor([ids for _, ids in beam]))[:, -1], dim=-1)
        each = width if n == 1 else 1
        longer = []
        for (total, ids), row in zip(beam, log_probs):
            for more, token in zip(*(part.tolist() for part in row.topk(min(each, len(row))))):
                longer.append((total + more, ids + [token]))
        beam = []
        for total, ids in sorted(longer, reverse=True)[:width]:
            if ids[-1] == stop_id or n == max_tokens:
                found.append((total / n**length_penalty, ids))
            else:
                beam.append((total, ids))
        if not beam:
            break
    score, ids = max(found)
    return ids, score


@misconception(
    "beam_search",
    "Your score of a text is the product of its log-probabilities. Which probabilities are multiplied, and what does "
    "the logarithm make of a product?",
)
def multiplies_log_probs(model, prompt, width, max_tokens, length_penalty=1.0, stop_id=None):
    beam, found = [(-1.0, list(prompt))], []
    for n in range(1, max_tokens + 1):
        log_probs = torch.log_softmax(model(torch.tensor([ids for _, ids in beam]))[:, -1], dim=-1).tolist()
        longer = [
            (-abs(total * more), ids + [token])
            for (total, ids), row in zip(beam, log_probs)
            for token, more in enumerate(row)
        ]
        beam = []
        for total, ids in sorted(longer, reverse=True)[:width]:
            if ids[-1] == stop_id or n == max_tokens:
                found.append((total / n**length_penalty, ids))
            else:
                beam.append((total, ids))
        if not beam:
            break
    score, ids = max(found)
    return ids, score


@misconception(
    "beam_search",
    "With length penalty 0 all is right, with others your scores are still plain sums. Where do texts of different "
    "length meet, and what are they divided by?",
)
def ignores_the_length(model, prompt, width, max_tokens, length_penalty=1.0, stop_id=None):
    beam, found = [(0.0, list(prompt))], []
    for n in range(1, max_tokens + 1):
        log_probs = torch.log_softmax(model(torch.tensor([ids for _, ids in beam]))[:, -1], dim=-1).tolist()
        longer = [
            (total + more, ids + [token])
            for (total, ids), row in zip(beam, log_probs)
            for token, more in enumerate(row)
        ]
        beam = []
        for total, ids in sorted(longer, reverse=True)[:width]:
            (found if ids[-1] == stop_id or n == max_tokens else beam).append((total, ids))
        if not beam:
            break
    score, ids = max(found)
    return ids, score


@misconception(
    "beam_search",
    "Your scores get smaller the longer the *prompt* is. Which tokens does n count?",
)
def counts_the_prompt_s_tokens(model, prompt, width, max_tokens, length_penalty=1.0, stop_id=None):
    beam, found = [(0.0, list(prompt))], []
    for n in range(1, max_tokens + 1):
        log_probs = torch.log_softmax(model(torch.tensor([ids for _, ids in beam]))[:, -1], dim=-1).tolist()
        longer = [
            (total + more, ids + [token])
            for (total, ids), row in zip(beam, log_probs)
            for token, more in enumerate(row)
        ]
        beam = []
        for total, ids in sorted(longer, reverse=True)[:width]:
            if ids[-1] == stop_id or n == max_tokens:
                found.append((total / len(ids) ** length_penalty, ids))
            else:
                beam.append((total, ids))
        if not beam:
            break
    score, ids = max(found)
    return ids, score


@misconception(
    "beam_search",
    "Texts continue after their stop_id. What may happen to a text of the beam that has ended?",
)
def never_ends_a_text(model, prompt, width, max_tokens, length_penalty=1.0, stop_id=None):
    beam = [(0.0, list(prompt))]
    for _ in range(max_tokens):
        log_probs = torch.log_softmax(model(torch.tensor([ids for _, ids in beam]))[:, -1], dim=-1).tolist()
        longer = [
            (total + more, ids + [token])
            for (total, ids), row in zip(beam, log_probs)
            for token, more in enumerate(row)
        ]
        beam = sorted(longer, reverse=True)[:width]
    total, ids = beam[0]
    return ids, total / max_tokens**length_penalty


@misconception(
    "beam_search",
    "You return as soon as one text has ended. Could one that is still growing, or that ends later, be better?",
)
def returns_the_first_that_ends(model, prompt, width, max_tokens, length_penalty=1.0, stop_id=None):
    beam = [(0.0, list(prompt))]
    for n in range(1, max_tokens + 1):
        log_probs = torch.log_softmax(model(torch.tensor([ids for _, ids in beam]))[:, -1], dim=-1).tolist()
        longer = [
            (total + more, ids + [token])
            for (total, ids), row in zip(beam, log_probs)
            for token, more in enumerate(row)
        ]
        beam = sorted(longer, reverse=True)[:width]
        ended = [(total, ids) for total, ids in beam if ids[-1] == stop_id]
        if ended:
            return ended[0][1], ended[0][0] / n**length_penalty
    total, ids = beam[0]
    return ids, total / max_tokens**length_penalty


@misconception(
    "beam_search",
    "You add up probabilities along a path. Two steps of 0.5 each: how probable are both together?",
)
def adds_up_probabilities(model, prompt, width, max_tokens, length_penalty=1.0, stop_id=None):
    beam, found = [(0.0, list(prompt))], []
    for n in range(1, max_tokens + 1):
        probs = torch.softmax(model(torch.tensor([ids for _, ids in beam]))[:, -1], dim=-1).tolist()
        longer = [
            (total + more, ids + [token]) for (total, ids), row in zip(beam, probs) for token, more in enumerate(row)
        ]
        beam = []
        for total, ids in sorted(longer, reverse=True)[:width]:
            if ids[-1] == stop_id or n == max_tokens:
                found.append((total / n**length_penalty, ids))
            else:
                beam.append((total, ids))
        if not beam:
            break
    score, ids = max(found)
    return ids, score


@misconception(
    "beam_search",
    "You add raw scores. A large score may have others just as large beside it: what makes scores of different places "
    "comparable?",
)
def adds_up_raw_scores(model, prompt, width, max_tokens, length_penalty=1.0, stop_id=None):
    beam, found = [(0.0, list(prompt))], []
    for n in range(1, max_tokens + 1):
        logits = model(torch.tensor([ids for _, ids in beam]))[:, -1].tolist()
        longer = [
            (total + more, ids + [token]) for (total, ids), row in zip(beam, logits) for token, more in enumerate(row)
        ]
        beam = []
        for total, ids in sorted(longer, reverse=True)[:width]:
            if ids[-1] == stop_id or n == max_tokens:
                found.append((total / n**length_penalty, ids))
            else:
                beam.append((total, ids))
        if not beam:
            break
    score, ids = max(found)
    return ids, score


# --- apply_temperature


@misconception(
    "apply_temperature",
    "Your low temperatures flatten and your high ones sharpen. On which side of the fraction bar does the "
    "temperature stand?",
)
def multiplies(logits, temperature):
    if temperature > 0:
        return logits * temperature
    return torch.where(logits == logits.amax(dim=-1, keepdim=True), logits, -torch.inf)


@misconception(
    "apply_temperature",
    "You divide probabilities, after the softmax. Whoever draws takes the softmax of what you return: what was to be "
    "divided, and when?",
)
def divides_probabilities(logits, temperature):
    if temperature > 0:
        return torch.softmax(logits, dim=-1) / temperature
    return torch.where(logits == logits.amax(dim=-1, keepdim=True), logits, -torch.inf)


@misconception(
    "apply_temperature",
    "You return probabilities: each row adds up to 1. The softmax is still to come, and would be taken twice. "
    "What does the docstring ask for?",
)
def returns_probabilities(logits, temperature):
    if temperature > 0:
        return torch.softmax(logits / temperature, dim=-1)
    return torch.where(logits == logits.amax(dim=-1, keepdim=True), logits, -torch.inf)


@misconception(
    "apply_temperature",
    "All is right above 0. At 0 you divide by zero: scores become infinite, and two of them leave no "
    "distribution. What did we agree on for this case?",
)
def divides_by_zero(logits, temperature):
    return logits / temperature


one_token_for_the_batch = misconception(
    "apply_temperature",
    "At temperature 0 a whole batch keeps a single token. How many rows draw a token?",
    change=(
        "largest = logits.amax(dim=-1, keepdim=True)\nreturn torch.where(logits == largest, logits, -torch.inf)",
        "return torch.where(logits == logits.max(), logits, -torch.inf)",
    ),
)


zero_for_the_others = misconception(
    "apply_temperature",
    "At temperature 0 the others get the score 0. What probability does a score of 0 have, beside negative ones?",
    change=(
        "largest = logits.amax(dim=-1, keepdim=True)\nreturn torch.where(logits == largest, logits, -torch.inf)",
        "return torch.where(logits == logits.amax(dim=-1, keepdim=True), logits, 0.0)",
    ),
)


# --- top_k_filter


@misconception(
    "top_k_filter",
    "The tokens that should go have the score 0. exp(0) is 1: how probable are they? Look at the case where all "
    "scores are negative.",
)
def zero_instead_of_minus_infinity(logits, k):
    k = min(k, logits.shape[-1])
    return logits.masked_fill(logits < logits.topk(k, dim=-1).values[..., -1:], 0.0)


@misconception(
    "top_k_filter",
    "You return probabilities that no longer add up to 1. If you return scores instead, who shares out what was "
    "cut off?",
)
def probabilities_not_renormalised(logits, k):
    k = min(k, logits.shape[-1])
    probs = torch.softmax(logits, dim=-1)
    return probs.masked_fill(logits < logits.topk(k, dim=-1).values[..., -1:], 0.0)


@misconception(
    "top_k_filter",
    "One token too few is left in each row. Is the k-th highest score below itself?",
)
def one_too_few(logits, k):
    k = min(k, logits.shape[-1])
    return logits.masked_fill(logits <= logits.topk(k, dim=-1).values[..., -1:], -torch.inf)


@misconception(
    "top_k_filter",
    "One distribution is right; in a batch some rows keep many and others none. How many limits does a batch need?",
)
def one_limit_for_the_batch(logits, k):
    k = min(k, logits.shape[-1])
    return logits.masked_fill(logits < logits.flatten().topk(k).values[-1], -torch.inf)


@misconception(
    "top_k_filter",
    "You keep the k lowest scores. Which tokens are the likeliest?",
)
def keeps_the_lowest(logits, k):
    k = min(k, logits.shape[-1])
    limit = logits.topk(k, dim=-1, largest=False).values[..., -1:]
    return logits.masked_fill(logits > limit, -torch.inf)


@misconception(
    "top_k_filter",
    "All is right until k is more than the vocabulary holds. What does topk do then, and what should happen?",
)
def trusts_k(logits, k):
    return logits.masked_fill(logits < logits.topk(k, dim=-1).values[..., -1:], -torch.inf)


@misconception(
    "top_k_filter",
    "Your result has k scores in a row, sorted. Which token does the first of them belong to? What shape is asked for?",
)
def returns_only_the_k(logits, k):
    return logits.topk(min(k, logits.shape[-1]), dim=-1).values


# --- top_p_filter


@misconception(
    "top_p_filter",
    "One token too few is left: the one that carries the sum past p is missing, and where one token holds more "
    "than p, nothing is left at all. How much do the tokens *before* a token have to hold, for it to go?",
)
def one_token_too_few(logits, p):
    if p == 1:
        return logits.clone()
    highest, order = logits.sort(dim=-1, descending=True)
    reached = torch.softmax(highest, dim=-1).cumsum(dim=-1)
    return torch.empty_like(logits).scatter(-1, order, highest.masked_fill(reached > p, -torch.inf))


@misconception(
    "top_p_filter",
    "One token too many is left in each row. When the sum has reached p, does the next token still belong?",
)
def one_token_too_many(logits, p):
    if p == 1:
        return logits.clone()
    highest, order = logits.sort(dim=-1, descending=True)
    probs = torch.softmax(highest, dim=-1)
    two_before = (probs.cumsum(dim=-1) - probs).roll(1, dims=-1)
    two_before[..., 0] = 0.0
    return torch.empty_like(logits).scatter(-1, order, highest.masked_fill(two_before >= p, -torch.inf))


@misconception(
    "top_p_filter",
    "Nearly all right: where the likelier tokens hold exactly p, you keep more. The fewest tokens that add up to *at "
    "least* p: do you compare with < or with <=?",
)
def goes_on_at_exactly_p(logits, p):
    if p == 1:
        return logits.clone()
    highest, order = logits.sort(dim=-1, descending=True)
    probs = torch.softmax(highest, dim=-1)
    kept = highest.masked_fill(probs.cumsum(dim=-1) - probs > p, -torch.inf)
    return torch.empty_like(logits).scatter(-1, order, kept)


@misconception(
    "top_p_filter",
    "The right scores are kept, in the wrong places: your rows are still sorted. Which token stood where?",
)
def leaves_it_sorted(logits, p):
    if p == 1:
        return logits.clone()
    highest = logits.sort(dim=-1, descending=True).values
    probs = torch.softmax(highest, dim=-1)
    return highest.masked_fill(probs.cumsum(dim=-1) - probs >= p, -torch.inf)


@misconception(
    "top_p_filter",
    "You keep the tokens that reach p by themselves. Whose probabilities were to be added up?",
)
def compares_each_with_p(logits, p):
    if p == 1:
        return logits.clone()
    return logits.masked_fill(torch.softmax(logits, dim=-1) < p, -torch.inf)


@misconception(
    "top_p_filter",
    "You add up in the order of the vocabulary. Which tokens should come first in the sum?",
)
def forgets_to_sort(logits, p):
    if p == 1:
        return logits.clone()
    probs = torch.softmax(logits, dim=-1)
    return logits.masked_fill(probs.cumsum(dim=-1) - probs >= p, -torch.inf)


@misconception(
    "top_p_filter",
    "You begin with the least likely tokens: the tail stays, and the head is cut off. Which end of the sorted row is "
    "yours?",
)
def begins_with_the_least_likely(logits, p):
    if p == 1:
        return logits.clone()
    lowest, order = logits.sort(dim=-1)
    probs = torch.softmax(lowest, dim=-1)
    kept = lowest.masked_fill(probs.cumsum(dim=-1) - probs >= p, -torch.inf)
    return torch.empty_like(logits).scatter(-1, order, kept)


@misconception(
    "top_p_filter",
    "You return probabilities with holes in them, which no longer add up to 1. What becomes of them when the "
    "softmax is taken, as it will be?",
)
def returns_what_is_left_of_the_probabilities(logits, p):
    if p == 1:
        return logits.clone()
    probs, order = torch.softmax(logits, dim=-1).sort(dim=-1, descending=True)
    return torch.empty_like(logits).scatter(-1, order, probs.masked_fill(probs.cumsum(dim=-1) - probs >= p, 0.0))


@misconception(
    "top_p_filter",
    "All right but for p = 1, which keeps every token: your sum reaches 1 by rounding while there are tokens left. "
    "When does nothing have to be added up at all?",
)
def trusts_the_sum_at_1(logits, p):
    highest, order = logits.sort(dim=-1, descending=True)
    probs = torch.softmax(highest, dim=-1)
    kept = highest.masked_fill(probs.cumsum(dim=-1) - probs >= p, -torch.inf)
    return torch.empty_like(logits).scatter(-1, order, kept)


# --- min_p_filter


@misconception(
    "min_p_filter",
    "Your bar is p itself, the same for every distribution. By what should it be multiplied, so that it sinks where "
    "the model is unsure?",
)
def a_fixed_bar(logits, p):
    return logits.masked_fill(torch.softmax(logits, dim=-1) < p, -torch.inf)


@misconception(
    "min_p_filter",
    "One distribution is right; in a batch, a row that is sure sets the bar for all. Whose likeliest token counts?",
)
def one_bar_for_the_batch(logits, p):
    probs = torch.softmax(logits, dim=-1)
    return logits.masked_fill(probs < p * probs.max(), -torch.inf)


@misconception(
    "min_p_filter",
    "You compare scores, not probabilities. What is p times a negative score: a lower bar or a higher one?",
)
def compares_scores(logits, p):
    return logits.masked_fill(logits < p * logits.amax(dim=-1, keepdim=True), -torch.inf)


@misconception(
    "min_p_filter",
    "You keep what lies below the bar. Which side is the likely one?",
)
def keeps_the_tail(logits, p):
    probs = torch.softmax(logits, dim=-1)
    return logits.masked_fill(probs >= p * probs.amax(dim=-1, keepdim=True), -torch.inf)


@misconception(
    "min_p_filter",
    "The right tokens stay, but as probabilities. The softmax is still to come: what does it make of numbers "
    "between 0 and 1?",
)
def returns_the_probabilities(logits, p):
    probs = torch.softmax(logits, dim=-1)
    return probs.masked_fill(probs < p * probs.amax(dim=-1, keepdim=True), 0.0)


@misconception(
    "min_p_filter",
    "The likeliest token itself is missing when p = 1. Is 'at least' the same as 'more than'?",
)
def strictly_above_the_bar(logits, p):
    probs = torch.softmax(logits, dim=-1)
    return logits.masked_fill(probs <= p * probs.amax(dim=-1, keepdim=True), -torch.inf)


# --- penalise


@misconception(
    "penalise",
    "A repetition penalty lifts your negative scores: -2 divided by 2 is -1. What lowers a negative number?",
)
def divides_negative_scores_too(logits, history, repetition=1.0, presence=0.0, frequency=0.0):
    counts = torch.nn.functional.one_hot(history, logits.shape[-1]).sum(dim=1)
    seen = counts > 0
    return torch.where(seen, logits / repetition, logits) - presence * seen - frequency * counts


@misconception(
    "penalise",
    "A token that came three times pays the presence penalty three times. Which of the penalties counts, and "
    "which only asks whether?",
)
def presence_each_time(logits, history, repetition=1.0, presence=0.0, frequency=0.0):
    counts = torch.nn.functional.one_hot(history, logits.shape[-1]).sum(dim=1)
    repeated = torch.where(logits > 0, logits / repetition, logits * repetition)
    return torch.where(counts > 0, repeated, logits) - (presence + frequency) * counts


@misconception(
    "penalise",
    "However often a token came, your frequency penalty is subtracted once. (If you count by `counts[rows, "
    "history] += 1`: what does indexing do with an index that occurs twice?)",
)
def frequency_only_once(logits, history, repetition=1.0, presence=0.0, frequency=0.0):
    counts = torch.zeros_like(logits)
    counts[torch.arange(len(logits))[:, None], history] += 1
    repeated = torch.where(logits > 0, logits / repetition, logits * repetition)
    return torch.where(counts > 0, repeated, logits) - presence * (counts > 0) - frequency * counts


@misconception(
    "penalise",
    "Your repetition penalty strikes once for each occurrence: three times means divided by r three times. How often "
    "should it?",
)
def repetition_each_time(logits, history, repetition=1.0, presence=0.0, frequency=0.0):
    counts = torch.nn.functional.one_hot(history, logits.shape[-1]).sum(dim=1)
    factor = float(repetition) ** counts.to(logits.dtype)
    repeated = torch.where(logits > 0, logits / factor, logits * factor)
    return repeated - presence * (counts > 0) - frequency * counts


@misconception(
    "penalise",
    "A row pays for what the *other* rows of the batch have written. Over which axis do you add up?",
)
def one_history_for_all(logits, history, repetition=1.0, presence=0.0, frequency=0.0):
    counts = torch.nn.functional.one_hot(history, logits.shape[-1]).sum(dim=(0, 1)).expand_as(logits)
    repeated = torch.where(logits > 0, logits / repetition, logits * repetition)
    return torch.where(counts > 0, repeated, logits) - presence * (counts > 0) - frequency * counts


@misconception(
    "penalise",
    "What was written before gets *likelier*: presence and frequency are added. Is a penalty a reward?",
)
def adds_the_penalties(logits, history, repetition=1.0, presence=0.0, frequency=0.0):
    counts = torch.nn.functional.one_hot(history, logits.shape[-1]).sum(dim=1)
    repeated = torch.where(logits > 0, logits / repetition, logits * repetition)
    return torch.where(counts > 0, repeated, logits) + presence * (counts > 0) + frequency * counts


@misconception(
    "penalise",
    "Each penalty alone is right, all three together are not: presence and frequency come first in yours, and are "
    "then divided with the rest. Which order does the docstring give?",
)
def repetition_last(logits, history, repetition=1.0, presence=0.0, frequency=0.0):
    counts = torch.nn.functional.one_hot(history, logits.shape[-1]).sum(dim=1)
    lowered = logits - presence * (counts > 0) - frequency * counts
    repeated = torch.where(lowered > 0, lowered / repetition, lowered * repetition)
    return torch.where(counts > 0, repeated, lowered)


# --- polls

commutes_top_p = wrong_choice(
    "temperature_commutes",
    "B",
    "You exchange temperature and top-p. Top-p adds up probabilities: does the sum of the two largest stay what "
    "it was when the distribution gets flatter?",
    name="top_p_commutes",
)
commutes_min_p = wrong_choice(
    "temperature_commutes",
    "C",
    "You exchange temperature and min-p. Its bar is a ratio to the likeliest token: does a ratio of 4 stay 4 when "
    "the temperature is 2?",
    name="min_p_commutes",
)
commutes_none = wrong_choice(
    "temperature_commutes",
    "D",
    "You say that none can be exchanged. The temperature changes every probability; but is there anything about the "
    "tokens that it leaves alone, and a filter that asks for nothing else?",
    name="nothing_commutes",
)
order_does_not_matter = wrong_choice(
    "sampler_order",
    "A",
    "You say two tokens stay either way. After a temperature of 2 the first two hold (0.8 + 0.5) / 1.74: do they "
    "reach 0.8?",
    name="top_p_decides",
)
order_reversed = wrong_choice(
    "sampler_order",
    "B",
    "Your two numbers have changed places. A temperature above 1 flattens: does a flat distribution need more tokens "
    "to reach p, or fewer?",
    name="the_wrong_way_round",
)
order_always_flat = wrong_choice(
    "sampler_order",
    "D",
    "You say three tokens stay either way. If top-p comes first, it sees 0.64 and 0.25: has it reached 0.8 then? "
    "And can a later temperature bring back what has the score -inf?",
    name="temperature_decides",
)
keeps_queries = wrong_choice(
    "what_to_keep",
    "A",
    "You keep the queries as well. A query asks on behalf of its own token: in the sum for token t, which index "
    "does q carry?",
    name="queries_as_well",
)
keeps_weights = wrong_choice(
    "what_to_keep",
    "B",
    "You keep the weights of earlier rows. Token t has a row of its own: is any earlier row used to compute it? And "
    "whose values would it mix?",
    name="earlier_weights",
)
keeps_outputs = wrong_choice(
    "what_to_keep",
    "D",
    "You keep the outputs of the last layer. The new token passes through the first layer first: at whom does it "
    "look there?",
    name="last_outputs",
)


# --- KVCache


@misconception(
    "KVCache",
    "After the second call only the newest tokens are there. What happened to those that were in the cache?",
)
class Overwrites:
    def __init__(self, n_layers):
        self.held = [None] * n_layers

    @property
    def length(self):
        return 0 if self.held[0] is None else self.held[0][0].shape[2]

    def extend(self, layer, K, V):
        self.held[layer] = (K, V)
        return K, V


@misconception(
    "KVCache",
    "Your cache joins old and new, and hands back only the new. At whom should the new tokens look?",
)
class ReturnsTheNewOnly:
    def __init__(self, n_layers):
        self.held = [None] * n_layers

    @property
    def length(self):
        return 0 if self.held[0] is None else self.held[0][0].shape[2]

    def extend(self, layer, K, V):
        old = self.held[layer]
        self.held[layer] = (K, V) if old is None else tuple(torch.cat(pair, dim=2) for pair in zip(old, (K, V)))
        return K, V


@misconception(
    "KVCache",
    "The second call gives old and new, the third has lost the old again: you join, but don't keep the result.",
)
class ForgetsToStore:
    def __init__(self, n_layers):
        self.held = [None] * n_layers

    @property
    def length(self):
        return 0 if self.held[0] is None else self.held[0][0].shape[2]

    def extend(self, layer, K, V):
        if self.held[layer] is None:
            self.held[layer] = (K, V)
            return K, V
        return tuple(torch.cat(pair, dim=2) for pair in zip(self.held[layer], (K, V)))


@misconception(
    "KVCache",
    "You join along the axis of the heads. Two new tokens don't bring new heads: which of the four axes counts tokens?",
)
class JoinsTheHeads:
    def __init__(self, n_layers):
        self.held = [None] * n_layers

    @property
    def length(self):
        return 0 if self.held[0] is None else self.held[0][0].shape[2]

    def extend(self, layer, K, V):
        if self.held[layer] is not None:
            K, V = (torch.cat(pair, dim=1) for pair in zip(self.held[layer], (K, V)))
        self.held[layer] = (K, V)
        return K, V


@misconception(
    "KVCache",
    "The last layer is handed tokens of the first: all your layers share one place. How many places are there?",
)
class OnePlaceForAllLayers:
    def __init__(self, n_layers):
        self.K = self.V = None

    @property
    def length(self):
        return 0 if self.K is None else self.K.shape[2]

    def extend(self, layer, K, V):
        if self.K is not None:
            K, V = torch.cat([self.K, K], dim=2), torch.cat([self.V, V], dim=2)
        self.K, self.V = K, V
        return K, V


@misconception(
    "KVCache",
    "Your newest tokens are in front. The mask and the positions count from the oldest: which order do they need?",
)
class NewestFirst:
    def __init__(self, n_layers):
        self.held = [None] * n_layers

    @property
    def length(self):
        return 0 if self.held[0] is None else self.held[0][0].shape[2]

    def extend(self, layer, K, V):
        if self.held[layer] is not None:
            K, V = (torch.cat([new, old], dim=2) for old, new in zip(self.held[layer], (K, V)))
        self.held[layer] = (K, V)
        return K, V


@misconception(
    "KVCache",
    "Keys and values come back in the wrong order. Which of the two is compared with the queries?",
)
class ValuesFirst:
    def __init__(self, n_layers):
        self.held = [None] * n_layers

    @property
    def length(self):
        return 0 if self.held[0] is None else self.held[0][0].shape[2]

    def extend(self, layer, K, V):
        if self.held[layer] is not None:
            K, V = (torch.cat(pair, dim=2) for pair in zip(self.held[layer], (K, V)))
        self.held[layer] = (K, V)
        return V, K


@misconception(
    "KVCache",
    "Your length counts how often extend was called. A prompt of five tokens is read in one call: how many tokens "
    "does it bring?",
)
class CountsCalls:
    def __init__(self, n_layers):
        self.held, self.length = [None] * n_layers, 0

    def extend(self, layer, K, V):
        self.length += layer == 0
        if self.held[layer] is not None:
            K, V = (torch.cat(pair, dim=2) for pair in zip(self.held[layer], (K, V)))
        self.held[layer] = (K, V)
        return K, V


@misconception(
    "KVCache",
    "Your length grows with every layer that reads the same tokens. Does a second layer make the text longer?",
)
class CountsEveryLayer:
    def __init__(self, n_layers):
        self.held, self.length = [None] * n_layers, 0

    def extend(self, layer, K, V):
        self.length += K.shape[2]
        if self.held[layer] is not None:
            K, V = (torch.cat(pair, dim=2) for pair in zip(self.held[layer], (K, V)))
        self.held[layer] = (K, V)
        return K, V


# --- forward_cached


@misconception(
    "forward_cached",
    "All at once is right; a token that comes later is embedded as if it were at position 0. Who knows how many "
    "tokens came before?",
)
def forgets_the_positions(model, ids, cache):
    start, T = cache.length, ids.shape[1]
    mask = torch.full((T, start + T), -torch.inf).triu(start + 1)
    x = model.embeddings(ids)
    for layer, block in enumerate(model.blocks):
        attention, h = block.attention, block.norm_1(x)
        Q, K, V = (my.split_heads(W(h), attention.n_heads) for W in (attention.W_q, attention.W_k, attention.W_v))
        K, V = cache.extend(layer, K, V)
        A = torch.softmax(Q @ K.mT / Q.shape[-1] ** 0.5 + mask, dim=-1)
        x = x + attention.W_o(my.merge_heads(A @ V))
        x = x + block.ff_out(torch.relu(block.ff_in(block.norm_2(x))))
    return model.head(model.norm(x))


@misconception(
    "forward_cached",
    "Single tokens are right, several at once are not: those that are read together see one another's future. "
    "What kept them from it in unit 05?",
)
def forgets_the_mask(model, ids, cache):
    x = model.embeddings(ids, cache.length)
    for layer, block in enumerate(model.blocks):
        attention, h = block.attention, block.norm_1(x)
        Q, K, V = (my.split_heads(W(h), attention.n_heads) for W in (attention.W_q, attention.W_k, attention.W_v))
        K, V = cache.extend(layer, K, V)
        A = torch.softmax(Q @ K.mT / Q.shape[-1] ** 0.5, dim=-1)
        x = x + attention.W_o(my.merge_heads(A @ V))
        x = x + block.ff_out(torch.relu(block.ff_in(block.norm_2(x))))
    return model.head(model.norm(x))


mask_as_if_nothing_came_before = misconception(
    "forward_cached",
    "With an empty cache all is right. After that, your mask hides what is in the cache: its triangle begins at "
    "column 1. How many old keys come before the first new one?",
    change=("((T, start + T), -torch.inf, device=ids.device).triu(start + 1)", "((T, start + T), -torch.inf).triu(1)"),
)


@misconception(
    "forward_cached",
    "Your mask is (T_new, T_new): it fits while the cache is empty, and then no longer. How many keys does each new "
    "query see?",
)
def square_mask(model, ids, cache):
    start, T = cache.length, ids.shape[1]
    mask = torch.full((T, T), -torch.inf).triu(1)
    x = model.embeddings(ids, start)
    for layer, block in enumerate(model.blocks):
        attention, h = block.attention, block.norm_1(x)
        Q, K, V = (my.split_heads(W(h), attention.n_heads) for W in (attention.W_q, attention.W_k, attention.W_v))
        K, V = cache.extend(layer, K, V)
        scores = Q @ K.mT / Q.shape[-1] ** 0.5
        if T > 1:
            scores = scores + mask
        x = x + attention.W_o(my.merge_heads(torch.softmax(scores, dim=-1) @ V))
        x = x + block.ff_out(torch.relu(block.ff_in(block.norm_2(x))))
    return model.head(model.norm(x))


@misconception(
    "forward_cached",
    "One layer is right, two are not: every layer of yours stores its keys in the same place. Which number tells the "
    "places apart?",
)
def one_place_for_all_layers(model, ids, cache):
    start, T = cache.length, ids.shape[1]
    x = model.embeddings(ids, start)
    for block in model.blocks:
        attention, h = block.attention, block.norm_1(x)
        Q, K, V = (my.split_heads(W(h), attention.n_heads) for W in (attention.W_q, attention.W_k, attention.W_v))
        K, V = cache.extend(0, K, V)
        mask = torch.full((T, K.shape[2]), -torch.inf).triu(K.shape[2] - T + 1)
        A = torch.softmax(Q @ K.mT / Q.shape[-1] ** 0.5 + mask, dim=-1)
        x = x + attention.W_o(my.merge_heads(A @ V))
        x = x + block.ff_out(torch.relu(block.ff_in(block.norm_2(x))))
    return model.head(model.norm(x))


@misconception(
    "forward_cached",
    "Your new tokens look only at one another. The cache holds the older ones: what does extend return, and who "
    "uses it?",
)
def drops_what_extend_returns(model, ids, cache):
    start, T = cache.length, ids.shape[1]
    mask = torch.full((T, T), -torch.inf).triu(1)
    x = model.embeddings(ids, start)
    for layer, block in enumerate(model.blocks):
        attention, h = block.attention, block.norm_1(x)
        Q, K, V = (my.split_heads(W(h), attention.n_heads) for W in (attention.W_q, attention.W_k, attention.W_v))
        cache.extend(layer, K, V)
        A = torch.softmax(Q @ K.mT / Q.shape[-1] ** 0.5 + mask, dim=-1)
        x = x + attention.W_o(my.merge_heads(A @ V))
        x = x + block.ff_out(torch.relu(block.ff_in(block.norm_2(x))))
    return model.head(model.norm(x))


@misconception(
    "forward_cached",
    "Even a single token in a single layer is wrong: the stream is replaced by what a sublayer returns. What did the "
    "residual connections of unit 08 do?",
)
def without_residuals(model, ids, cache):
    start, T = cache.length, ids.shape[1]
    mask = torch.full((T, start + T), -torch.inf).triu(start + 1)
    x = model.embeddings(ids, start)
    for layer, block in enumerate(model.blocks):
        attention, h = block.attention, block.norm_1(x)
        Q, K, V = (my.split_heads(W(h), attention.n_heads) for W in (attention.W_q, attention.W_k, attention.W_v))
        K, V = cache.extend(layer, K, V)
        A = torch.softmax(Q @ K.mT / Q.shape[-1] ** 0.5 + mask, dim=-1)
        x = attention.W_o(my.merge_heads(A @ V))
        x = block.ff_out(torch.relu(block.ff_in(block.norm_2(x))))
    return model.head(model.norm(x))


@misconception(
    "forward_cached",
    "A single first token is right, since it has nobody else to look at. With more, your weights are off: by "
    "which length do you scale the scores, that of the model or that of one head?",
)
def scales_by_d_model(model, ids, cache):
    start, T = cache.length, ids.shape[1]
    mask = torch.full((T, start + T), -torch.inf).triu(start + 1)
    x = model.embeddings(ids, start)
    for layer, block in enumerate(model.blocks):
        attention, h = block.attention, block.norm_1(x)
        Q, K, V = (my.split_heads(W(h), attention.n_heads) for W in (attention.W_q, attention.W_k, attention.W_v))
        K, V = cache.extend(layer, K, V)
        A = torch.softmax(Q @ K.mT / x.shape[-1] ** 0.5 + mask, dim=-1)
        x = x + attention.W_o(my.merge_heads(A @ V))
        x = x + block.ff_out(torch.relu(block.ff_in(block.norm_2(x))))
    return model.head(model.norm(x))


# --- generate_cached


@misconception(
    "generate_cached",
    "Your texts are right, and the model reads all of each text at every step: the cache is not used. What is new "
    "to the model after the first step?",
)
def reads_everything_again(model, ids, max_tokens, choose=None):
    for _ in range(max_tokens):
        logits = model(ids)[:, -1]
        chosen = logits.argmax(dim=-1) if choose is None else choose(logits)
        ids = torch.cat([ids, chosen[:, None]], dim=1)
    return ids


@misconception(
    "generate_cached",
    "You hand the whole text to a cache that holds most of it already, so everything is in it twice. "
    "What is new at the second step?",
)
def feeds_the_cache_twice(model, ids, max_tokens, choose=None):
    cache = my.KVCache(len(model.blocks))
    for _ in range(max_tokens):
        start = cache.length
        if start + ids.shape[1] > model.config.block_size:  # the positions run out
            cache = my.KVCache(len(model.blocks))
        logits = my.forward_cached(model, ids, cache)[:, -1]
        chosen = logits.argmax(dim=-1) if choose is None else choose(logits)
        ids = torch.cat([ids, chosen[:, None]], dim=1)
    return ids


@misconception(
    "generate_cached",
    "Your cache is empty at every step, so that the model sees nothing but the newest token. Where is it made?",
)
def a_new_cache_each_time(model, ids, max_tokens, choose=None):
    new = ids
    for _ in range(max_tokens):
        logits = my.forward_cached(model, new, my.KVCache(len(model.blocks)))[:, -1]
        new = (logits.argmax(dim=-1) if choose is None else choose(logits))[:, None]
        ids = torch.cat([ids, new], dim=1)
    return ids


@misconception(
    "generate_cached",
    "Of a longer prompt only the last token is read. When do the others get into the cache?",
)
def reads_the_prompt_s_last_token(model, ids, max_tokens, choose=None):
    cache = my.KVCache(len(model.blocks))
    for _ in range(max_tokens):
        logits = my.forward_cached(model, ids[:, -1:], cache)[:, -1]
        chosen = logits.argmax(dim=-1) if choose is None else choose(logits)
        ids = torch.cat([ids, chosen[:, None]], dim=1)
    return ids


@misconception(
    "generate_cached",
    "After a longer prompt your first token is wrong: you ask what comes after its *first* token. Which place counts?",
)
def asks_after_the_first_place(model, ids, max_tokens, choose=None):
    cache, new = my.KVCache(len(model.blocks)), ids
    for _ in range(max_tokens):
        logits = my.forward_cached(model, new, cache)[:, 0]
        new = (logits.argmax(dim=-1) if choose is None else choose(logits))[:, None]
        ids = torch.cat([ids, new], dim=1)
    return ids


@misconception(
    "generate_cached",
    "Greedy is right; with a `choose` you still take the likeliest. Where is it called?",
)
def ignores_the_choice(model, ids, max_tokens, choose=None):
    cache, new = my.KVCache(len(model.blocks)), ids
    for _ in range(max_tokens):
        new = my.forward_cached(model, new, cache)[:, -1].argmax(dim=-1)[:, None]
        ids = torch.cat([ids, new], dim=1)
    return ids


@misconception(
    "generate_cached",
    "The new tokens are right, but they are alone. Where is the prompt?",
)
def leaves_out_the_prompt(model, ids, max_tokens, choose=None):
    cache, new, T = my.KVCache(len(model.blocks)), ids, ids.shape[1]
    for _ in range(max_tokens):
        logits = my.forward_cached(model, new, cache)[:, -1]
        new = (logits.argmax(dim=-1) if choose is None else choose(logits))[:, None]
        ids = torch.cat([ids, new], dim=1)
    return ids[:, T:]

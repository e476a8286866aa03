"""Second right answers, written differently from the lesson's."""

import math
from collections import Counter

from lecture_lib.mywork import saved_work
from lecture_lib.checking.bank import alternative

BOS, EOS = "<bos>", "<eos>"
my = saved_work("01_ngrams")


@alternative("count_ngrams")
def sentence_by_sentence(tokens, n):
    sentences = []
    for token in tokens:
        if token == "<bos>":
            sentences.append([])
        sentences[-1].append(token)
    table = {}
    for words in sentences:
        for end in range(1, len(words)):
            context = tuple(words[:end])
            while len(context) > n - 1:
                context = context[1:]
            if context not in table:
                table[context] = Counter()
            table[context][words[end]] += 1
    return table


@alternative("next_token_probs")
def grows_by_one_word(counts, context, vocab, k=0.0):
    mass = {}
    for word in vocab:
        mass[word] = k
        if context in counts and word in counts[context]:
            mass[word] = counts[context][word] + k
    everything = sum(mass.values())
    for word in vocab:
        mass[word] = mass[word] / everything if everything else 0.0
    return mass


@alternative("interpolate")
def normalises_at_the_end(models, weights, context, vocab):
    mixed = dict.fromkeys(vocab, 0.0)
    for model, weight in zip(models, weights):
        for word, p in model(context).items():
            mixed[word] += weight * p
    total = sum(mixed.values())
    return {word: p / total for word, p in mixed.items()}


@alternative("kneser_ney")
def calls_itself(counts_by_order, context, vocab, discount=0.75):
    n = len(counts_by_order)

    def evidence(h):
        if len(h) + 1 == n or h[:1] == (BOS,):
            return dict(counts_by_order[len(h)].get(h, {}))
        pairs = {
            (longer[0], word)
            for longer, c in counts_by_order[len(h) + 1].items()
            if longer[1:] == h != longer
            for word in c
        }
        return Counter(word for _, word in pairs)

    def prob(h, word):
        shorter = prob(h[1:], word) if h else 1 / len(vocab)
        seen = evidence(h)
        if not seen:
            return shorter
        total = sum(seen.values())
        return max(seen.get(word, 0) - discount, 0) / total + discount * len(seen) / total * shorter

    h = tuple(context)[max(0, len(context) - n + 1) :]
    return {word: prob(h, word) for word in vocab}


@alternative("sequence_log_prob")
def cuts_into_sentences(model, tokens):
    logs, so_far = [], ()
    for token in tokens:
        if token == BOS:
            so_far = ()
        else:
            p = dict(model(so_far)).get(token)
            logs.append(math.log(p) if p else float("-inf"))
        so_far += (token,)
    return math.fsum(logs)


@alternative("perplexity")
def root_of_products(model, tokens):
    scored = [i for i, token in enumerate(tokens) if token != BOS]
    total, start = 1.0, 0
    for i, token in enumerate(tokens):
        if token == BOS:
            start = i
        else:
            p = model(tuple(tokens[start:i])).get(token, 0.0)
            if p == 0:
                return math.inf
            total *= p ** (-1 / len(scored))
    return total


@alternative("sample_next")
def numpy_chooses(probs, rng):
    return str(rng.choice(list(probs), p=list(probs.values())))


@alternative("generate")
def while_there_is_room(model, prompt, max_tokens, rng):
    new = []
    while len(new) < max_tokens and (not new or new[-1] != EOS):
        new += [my.sample_next(model((*prompt, *new)), rng)]
    return prompt + new

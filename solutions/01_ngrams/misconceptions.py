"""Mistakes that students make, each with the hint that it earns."""

import math
from collections import Counter

import numpy as np

from lecture_lib.mywork import saved_work
from lecture_lib.checking.bank import misconception, wrong_choice

BOS, EOS = "<bos>", "<eos>"
my = saved_work("01_ngrams")

# -------------------------------------------------------------------- count_ngrams


@misconception(
    "count_ngrams",
    "Among your contexts are some that end one sentence and begin another. The sentences came in any order: what "
    "can the last words of one tell about the next? How far back may a context reach?",
)
def across_boundaries(tokens, n):
    counts = {}
    for i, token in enumerate(tokens):
        if i >= n - 1:
            counts.setdefault(tuple(tokens[i - n + 1 : i]), Counter())[token] += 1
    return counts


reaches_back_over_bos = misconception(
    "count_ngrams",
    "Your contexts cross from one sentence into the next, though <bos> itself is never counted as a next token. "
    "Which tokens of the previous sentence can still be in a context?",
    change=("max(start, i - n + 1)", "max(0, i - n + 1)"),
)

counts_bos = misconception(
    "count_ngrams",
    "In your table <bos> follows something. Every sentence is handed to the model with its <bos> already there: who "
    "would ever have to guess it?",
    change=("continue", "pass"),
)


@misconception(
    "count_ngrams",
    "From n = 3 on the first words of each sentence are missing from your counts: all your contexts have the full "
    "length. What comes before the first word after <bos>, and is that a context?",
)
def full_contexts_only(tokens, n):
    counts, start = {}, 0
    for i, token in enumerate(tokens):
        if token == BOS:
            start = i
        elif i - n + 1 >= start:
            counts.setdefault(tuple(tokens[i - n + 1 : i]), Counter())[token] += 1
    return counts


@misconception(
    "count_ngrams",
    "Some of your contexts begin with <bos> more than once. Many textbooks fill up the start like that; here a "
    "sentence has one <bos>. What does the docstring say of contexts near the start?",
)
def pads_with_bos(tokens, n):
    counts, context = {}, ()
    for token in tokens:
        if token == BOS:
            context = (BOS,) * (n - 1)
        else:
            counts.setdefault(context, Counter())[token] += 1
            context = (*context, token)[1:] if n > 1 else ()
    return counts


@misconception(
    "count_ngrams",
    "<eos> follows nothing in your table. How would a model with your counts know that a sentence may end, and where?",
)
def forgets_eos(tokens, n):
    counts, start = {}, 0
    for i, token in enumerate(tokens):
        if token == BOS:
            start = i
        elif token != EOS:
            counts.setdefault(tuple(tokens[max(start, i - n + 1) : i]), Counter())[token] += 1
    return counts


context_of_n_tokens = misconception(
    "count_ngrams",
    "Your contexts are one token too long: with n = 1 there is already a token in them. The n tokens of an n-gram "
    "are context and next token together: how many are left for the context?",
    change=("i - n + 1", "i - n"),
)

bare_string_context = misconception(
    "count_ngrams",
    "With n = 2 your contexts are plain strings, not tuples of one. What is the type of a slice of a list, and what "
    "of a single item?",
    change=("counts.setdefault(context, Counter())", "counts.setdefault(context[0] if n == 2 else context, Counter())"),
)

notes_only_that_it_came = misconception(
    "count_ngrams",
    "All your counts are 1, but some n-grams came more often. Are you noting that a token came, or how many times?",
    change=("counts.setdefault(context, Counter())[token] += 1", "counts.setdefault(context, Counter())[token] = 1"),
)


@misconception(
    "count_ngrams",
    "With n = 1 your contexts should be empty, and they hold the whole sentence so far; for larger n all is well. You "
    "count from the end with a minus sign: what is `[1, 2, 3][-0:]`?",
)
def minus_zero(tokens, n):
    counts, start = {}, 0
    for i, token in enumerate(tokens):
        if token == BOS:
            start = i
        else:
            counts.setdefault(tuple(tokens[start:i][-(n - 1) :]), Counter())[token] += 1
    return counts


@misconception(
    "count_ngrams",
    "<bos> is in none of your contexts. It is never guessed, but it is read: how else could a model know which "
    "words begin a sentence?",
)
def bos_in_no_context(tokens, n):
    counts, start = {}, 0
    for i, token in enumerate(tokens):
        if token == BOS:
            start = i + 1
        else:
            counts.setdefault(tuple(tokens[max(start, i - n + 1) : i]), Counter())[token] += 1
    return counts


@misconception(
    "count_ngrams",
    "From n = 3 on, near the start of each sentence, your contexts are empty. There your slice begins below 0; such "
    "a number counts from the end: what is `[1, 2, 3][-1:2]`?",
)
def slices_from_below_zero(tokens, n):
    counts = {}
    starts = [i for i, token in enumerate(tokens) if token == BOS]
    for start, end in zip(starts, [*starts[1:], len(tokens)]):
        words = tokens[start:end]
        for i in range(1, len(words)):
            counts.setdefault(tuple(words[i - n + 1 : i]), Counter())[words[i]] += 1
    return counts


# -------------------------------------------------------------------- next_token_probs


@misconception(
    "next_token_probs",
    "With k = 0 all is well; with k > 0 your probabilities sum to more than 1. You have added k to each numerator: "
    "how much is that in total, and where must it reappear?",
)
def forgets_k_below(counts, context, vocab, k=0.0):
    following = counts.get(context, Counter())
    total = following.total()
    if total == 0:
        return {word: 1 / len(vocab) if k else 0.0 for word in vocab}
    return {word: (following[word] + k) / total for word in vocab}


k_for_seen_types_only = misconception(
    "next_token_probs",
    "With k > 0 your probabilities sum to more than 1, and after an unseen context something breaks or is 0. You "
    "divide as if only the words seen here had been given a k: how many words were given one?",
    change=("len(vocab)", "len(following)"),
)


@misconception(
    "next_token_probs",
    "Your table has no entry for words that were not seen after this context. A model must say something about "
    "every word of the vocabulary: which words should the loop run over?",
)
def only_seen_words(counts, context, vocab, k=0.0):
    following = counts.get(context, Counter())
    total = following.total() + k * len(vocab)
    return {word: (following[word] + k) / total for word in vocab if following[word]}


k_for_unseen_words_only = misconception(
    "next_token_probs",
    "Words that were seen keep their plain count, only the unseen ones are given k. The formula treats all words of "
    "the vocabulary alike: what is in the numerator of a word seen three times?",
    change=("following[word] + k", "following[word] or k"),
)

divides_by_all_counts = misconception(
    "next_token_probs",
    "Even for k = 0 your probabilities are too small wherever the counts hold several contexts. Of all the times "
    "that *anything* happened, or of the times that *this context* came: which total do you divide by?",
    change=("following.total()", "sum(c.total() for c in counts.values())"),
)

unseen_means_uniform = misconception(
    "next_token_probs",
    "After a context that never occurred, with k = 0, you spread the probability evenly. That is a guess and not a "
    "count; look in the docstring for what the model is to say where it knows nothing.",
    change=("dict.fromkeys(vocab, 0.0)", "dict.fromkeys(vocab, 1 / len(vocab))"),
)


@misconception(
    "next_token_probs",
    "Your function stops with an error at a context that is not in the counts. Most contexts never are: how do you "
    "ask a dictionary for a key that may be missing?",
)
def unseen_context_is_a_key_error(counts, context, vocab, k=0.0):
    following = counts[context]
    total = following.total() + k * len(vocab)
    return {word: (following[word] + k) / total for word in vocab}


divides_zero_by_zero = misconception(
    "next_token_probs",
    "All is right but for k = 0 after a context that never occurred: there you divide by zero. What is the "
    "denominator in that case, and what does the docstring ask for?",
    change=("if total == 0:\n    return dict.fromkeys(vocab, 0.0)", ""),
)


@misconception(
    "next_token_probs",
    "After a context that never occurred all is 0, even with k > 0. Smoothing was meant for just that case: what is "
    "the fraction if every count is 0 and k is 1?",
)
def silent_in_spite_of_k(counts, context, vocab, k=0.0):
    if context not in counts:
        return dict.fromkeys(vocab, 0.0)
    total = counts[context].total() + k * len(vocab)
    return {word: (counts[context][word] + k) / total for word in vocab}


# -------------------------------------------------------------------- interpolate


@misconception(
    "interpolate",
    "Your result is the same for any weights. With equal ones that can't be seen; what was to be done with the others?",
)
def plain_mean(models, weights, context, vocab):
    answers = [probs for probs in (model(context) for model in models) if sum(probs.values()) > 0]
    return {word: sum(probs.get(word, 0.0) for probs in answers) / len(answers) for word in vocab}


@misconception(
    "interpolate",
    "As long as all models speak you are right. When one is silent, your probabilities sum to less than 1: what "
    "happened to the share that was meant for it?",
)
def loses_the_silent_share(models, weights, context, vocab):
    answers = [model(context) for model in models]
    return {word: sum(w * probs.get(word, 0.0) for w, probs in zip(weights, answers)) for word in vocab}


expects_every_word = misconception(
    "interpolate",
    "A model need not list every word, and yours stops with an error when one is missing. What probability does the "
    "docstring give to a word that is not there?",
    change=("probs.get(word, 0.0)", "probs[word]"),
)


@misconception(
    "interpolate",
    "You return the answer of one model, the first that speaks. That is called backing off. What should the other "
    "models contribute, even then?",
)
def first_that_speaks(models, weights, context, vocab):
    for model in models:
        probs = model(context)
        if sum(probs.values()) > 0:
            return {word: probs.get(word, 0.0) for word in vocab}


@misconception(
    "interpolate",
    "Your mixture is a product of powers (a mean of logarithms). One model that gives a word 0 then forbids it to "
    "all the others: which mean does the formula take?",
)
def mean_of_logarithms(models, weights, context, vocab):
    answers = [(w, model(context)) for w, model in zip(weights, models)]
    spoken = [(w, probs) for w, probs in answers if sum(probs.values()) > 0]
    mixed = {word: math.prod(probs.get(word, 0.0) ** w for w, probs in spoken) for word in vocab}
    return {word: p / sum(mixed.values()) for word, p in mixed.items()}


@misconception(
    "interpolate",
    "When one model is silent you give its share to the others in equal parts. The one that we trusted three times "
    "as much should still be trusted three times as much: how do you scale weights so that their ratios stay?",
)
def shares_silence_equally(models, weights, context, vocab):
    answers = [(w, model(context)) for w, model in zip(weights, models)]
    spoken = [(w, probs) for w, probs in answers if sum(probs.values()) > 0]
    extra = (1 - sum(w for w, _ in spoken)) / len(spoken)
    return {word: sum((w + extra) * probs.get(word, 0.0) for w, probs in spoken) for word in vocab}


# -------------------------------------------------------------------- kneser_ney


@misconception(
    "kneser_ney",
    "This is absolute discounting: your shorter contexts use plain counts. So “krill” is as likely after a strange "
    "word as “bay”. What is counted, when a context could still grow to the left?",
)
def plain_counts_below(counts_by_order, context, vocab, discount=0.75):
    n = len(counts_by_order)
    probs = dict.fromkeys(vocab, 1 / len(vocab))
    for width in range(min(n - 1, len(context)) + 1):
        evidence = counts_by_order[width].get(context[len(context) - width :], Counter())
        if evidence:
            total, saved = evidence.total(), discount * len(evidence)
            probs = {w: (max(evidence[w] - discount, 0) + saved * probs[w]) / total for w in vocab}
    return probs


@misconception(
    "kneser_ney",
    "Your probabilities sum to less than 1. You have taken d from each count: to whom do you give what you took?",
)
def keeps_what_it_saved(counts_by_order, context, vocab, discount=0.75):
    n = len(counts_by_order)
    for width in range(min(n - 1, len(context)), -1, -1):
        h = context[len(context) - width :]
        if width == n - 1 or h[:1] == (BOS,):
            evidence = counts_by_order[width].get(h, Counter())
        else:
            longer = counts_by_order[width + 1]
            evidence = Counter(w for c in longer if len(c) == width + 1 and c[1:] == h for w in longer[c])
        if evidence:
            return {w: max(evidence[w] - discount, 0) / evidence.total() for w in vocab}


@misconception(
    "kneser_ney",
    "Your probabilities sum to more than 1. What was saved is d for each word *with evidence* after this context; "
    "how many words did you count?",
)
def saves_for_every_word(counts_by_order, context, vocab, discount=0.75):
    n = len(counts_by_order)
    probs = dict.fromkeys(vocab, 1 / len(vocab))
    for width in range(min(n - 1, len(context)) + 1):
        h = context[len(context) - width :]
        if width == n - 1 or h[:1] == (BOS,):
            evidence = counts_by_order[width].get(h, Counter())
        else:
            longer = counts_by_order[width + 1]
            evidence = Counter(w for c in longer if len(c) == width + 1 and c[1:] == h for w in longer[c])
        if evidence:
            total, saved = evidence.total(), discount * len(vocab)
            probs = {w: (max(evidence[w] - discount, 0) + saved * probs[w]) / total for w in vocab}
    return probs


@misconception(
    "kneser_ney",
    "A word that occurs nowhere in the text gets probability 0 from you: your shortest context gives all it has to "
    "words that it knows. What comes below the empty context?",
)
def nothing_at_the_bottom(counts_by_order, context, vocab, discount=0.75):
    n = len(counts_by_order)
    probs = None
    for width in range(min(n - 1, len(context)) + 1):
        h = context[len(context) - width :]
        if width == n - 1 or h[:1] == (BOS,):
            evidence = counts_by_order[width].get(h, Counter())
        else:
            longer = counts_by_order[width + 1]
            evidence = Counter(w for c in longer if len(c) == width + 1 and c[1:] == h for w in longer[c])
        if evidence:
            total, saved = evidence.total(), discount * len(evidence)
            if probs is None:
                probs = {w: evidence[w] / total for w in vocab}
            else:
                probs = {w: (max(evidence[w] - discount, 0) + saved * probs[w]) / total for w in vocab}
    return probs


@misconception(
    "kneser_ney",
    "After a context that was never seen you treat all words alike. Its end may well have been seen: which "
    "probabilities should be left as they are, when a length of context has no evidence?",
)
def unseen_means_uniform_again(counts_by_order, context, vocab, discount=0.75):
    n = len(counts_by_order)
    probs = dict.fromkeys(vocab, 1 / len(vocab))
    for width in range(min(n - 1, len(context)) + 1):
        h = context[len(context) - width :]
        if width == n - 1 or h[:1] == (BOS,):
            evidence = counts_by_order[width].get(h, Counter())
        else:
            longer = counts_by_order[width + 1]
            evidence = Counter(w for c in longer if len(c) == width + 1 and c[1:] == h for w in longer[c])
        total, saved = evidence.total(), discount * len(evidence)
        if total:
            probs = {w: (max(evidence[w] - discount, 0) + saved * probs[w]) / total for w in vocab}
        else:
            probs = dict.fromkeys(vocab, 1 / len(vocab))
    return probs


@misconception(
    "kneser_ney",
    "For the longest contexts you count left neighbours too, though nothing longer is there to be looked up. In "
    "which order are plain counts the evidence?",
)
def neighbours_everywhere(counts_by_order, context, vocab, discount=0.75):
    n = len(counts_by_order)
    probs = dict.fromkeys(vocab, 1 / len(vocab))
    for width in range(min(n - 1, len(context)) + 1):
        h = context[len(context) - width :]
        if width == n - 1 or h[:1] == (BOS,):
            evidence = Counter(counts_by_order[width].get(h, Counter()).keys())
        else:
            longer = counts_by_order[width + 1]
            evidence = Counter(w for c in longer if len(c) == width + 1 and c[1:] == h for w in longer[c])
        if evidence:
            total, saved = evidence.total(), discount * len(evidence)
            probs = {w: (max(evidence[w] - discount, 0) + saved * probs[w]) / total for w in vocab}
    return probs


@misconception(
    "kneser_ney",
    "Some of your probabilities are too small, even negative: you take the discount from words that have no "
    "evidence either. What is the least that may be left of a count?",
)
def below_zero(counts_by_order, context, vocab, discount=0.75):
    n = len(counts_by_order)
    probs = dict.fromkeys(vocab, 1 / len(vocab))
    for width in range(min(n - 1, len(context)) + 1):
        h = context[len(context) - width :]
        if width == n - 1 or h[:1] == (BOS,):
            evidence = counts_by_order[width].get(h, Counter())
        else:
            longer = counts_by_order[width + 1]
            evidence = Counter(w for c in longer if len(c) == width + 1 and c[1:] == h for w in longer[c])
        if evidence:
            total, saved = evidence.total(), discount * len(evidence)
            probs = {w: (evidence[w] - discount + saved * probs[w]) / total for w in vocab}
    return probs


@misconception(
    "kneser_ney",
    "All is right but the start of a sentence: there you look for tokens to the left of <bos>, find none, and so "
    "forget how sentences begin. Can a context that begins with <bos> grow?",
)
def forgets_how_sentences_begin(counts_by_order, context, vocab, discount=0.75):
    n = len(counts_by_order)
    probs = dict.fromkeys(vocab, 1 / len(vocab))
    for width in range(min(n - 1, len(context)) + 1):
        h = context[len(context) - width :]
        if width == n - 1:
            evidence = counts_by_order[width].get(h, Counter())
        else:
            longer = counts_by_order[width + 1]
            evidence = Counter(w for c in longer if len(c) == width + 1 and c[1:] == h for w in longer[c])
        if evidence:
            total, saved = evidence.total(), discount * len(evidence)
            probs = {w: (max(evidence[w] - discount, 0) + saved * probs[w]) / total for w in vocab}
    return probs


@misconception(
    "kneser_ney",
    "When you are given more tokens than the model can use, you go wrong, and you are right otherwise. Which part "
    "of a long context does an n-gram model look at?",
)
def looks_at_the_whole_context(counts_by_order, context, vocab, discount=0.75):
    n = len(counts_by_order)
    probs = dict.fromkeys(vocab, 1 / len(vocab))
    for width in range(min(n - 1, len(context)) + 1):
        h = context[:width] if len(context) > n - 1 else context[len(context) - width :]
        if width == n - 1 or h[:1] == (BOS,):
            evidence = counts_by_order[width].get(h, Counter())
        else:
            longer = counts_by_order[width + 1]
            evidence = Counter(w for c in longer if len(c) == width + 1 and c[1:] == h for w in longer[c])
        if evidence:
            total, saved = evidence.total(), discount * len(evidence)
            probs = {w: (max(evidence[w] - discount, 0) + saved * probs[w]) / total for w in vocab}
    return probs


@misconception(
    "kneser_ney",
    "All is right for a discount of 0.75, and for no other. Where does your function look up how much to take off?",
)
def discount_is_always_the_same(counts_by_order, context, vocab, discount=0.75):
    n = len(counts_by_order)
    probs = dict.fromkeys(vocab, 1 / len(vocab))
    for width in range(min(n - 1, len(context)) + 1):
        h = context[len(context) - width :]
        if width == n - 1 or h[:1] == (BOS,):
            evidence = counts_by_order[width].get(h, Counter())
        else:
            longer = counts_by_order[width + 1]
            evidence = Counter(w for c in longer if len(c) == width + 1 and c[1:] == h for w in longer[c])
        if evidence:
            total, saved = evidence.total(), 0.75 * len(evidence)
            probs = {w: (max(evidence[w] - 0.75, 0) + saved * probs[w]) / total for w in vocab}
    return probs


# -------------------------------------------------------------------- sequence_log_prob


scores_bos = misconception(
    "sequence_log_prob",
    "Your sum has one term too many in each sentence: you ask the model for <bos> as well. Who guesses <bos>?",
    change=("start = i\ncontinue", "start = i"),
)

context_crosses_sentences = misconception(
    "sequence_log_prob",
    "One sentence is right, two are not: in the second your model has still the first before its eyes. Where does "
    "the context of a new sentence begin?",
    change=("start:i", ":i"),
)

in_bits = misconception(
    "sequence_log_prob",
    "Your values are 1.4427 times the expected ones, and 1.4427 is 1 / log 2: these are bits. In which unit does "
    "this course measure, and which logarithm is that?",
    change=("math.log", "math.log2"),
)


@misconception(
    "sequence_log_prob",
    "Short texts are right, the long one is -inf, though every token of it has a chance. What is the product of "
    "1,000 numbers of about 0.1, to a computer? When do you take the logarithm?",
)
def log_of_the_product(model, tokens):
    product = 1.0
    for i, token in enumerate(tokens):
        if token == BOS:
            start = i
        else:
            product *= model(tuple(tokens[start:i])).get(token, 0.0)
    return math.log(product) if product > 0 else -math.inf


@misconception(
    "sequence_log_prob",
    "Your result is too high: in each sentence one term is missing, the last. The model has to guess that the "
    "sentence is over, too: which token stands for that?",
)
def forgets_the_end(model, tokens):
    total = 0.0
    for i, token in enumerate(tokens):
        if token == BOS:
            start = i
        elif token != EOS:
            p = model(tuple(tokens[start:i])).get(token, 0.0)
            total += math.log(p) if p > 0 else -math.inf
    return total


gives_the_loss = misconception(
    "sequence_log_prob",
    "Your result is positive. What is the sign of the logarithm of a number below 1, and which of log-probability "
    "and loss is asked for?",
    change=("total += math.log(p) if p > 0 else -math.inf", "total -= math.log(p) if p > 0 else -math.inf"),
)


@misconception(
    "sequence_log_prob",
    "You return the mean over the tokens. A text of twice the length should be far less probable: what becomes of "
    "that in your result?",
)
def mean_over_tokens(model, tokens):
    total, scored = 0.0, 0
    for i, token in enumerate(tokens):
        if token == BOS:
            start = i
        else:
            p = model(tuple(tokens[start:i])).get(token, 0.0)
            total += math.log(p) if p > 0 else -math.inf
            scored += 1
    return total / scored


@misconception(
    "sequence_log_prob",
    "Your result lies between 0 and 1: it is the probability itself. What is asked for, and what would be left of "
    "it for a whole book?",
)
def probability_itself(model, tokens):
    product = 1.0
    for i, token in enumerate(tokens):
        if token == BOS:
            start = i
        else:
            product *= model(tuple(tokens[start:i])).get(token, 0.0)
    return product


@misconception(
    "sequence_log_prob",
    "An impossible token ends your function with an error instead of a number. Python refuses math.log(0): what "
    "should the sum be then?",
)
def log_of_zero(model, tokens):
    total = 0.0
    for i, token in enumerate(tokens):
        if token == BOS:
            start = i
        else:
            total += math.log(model(tuple(tokens[start:i])).get(token, 0.0))
    return total


skips_the_impossible = misconception(
    "sequence_log_prob",
    "A token of probability 0 is simply left out of your sum, so an impossible text looks like a good one. What is "
    "the limit of log p as p goes to 0?",
    change=("-math.inf", "0.0"),
)


@misconception(
    "sequence_log_prob",
    "You hand the model one token at a time. It may want to know more than the last one: which part of the sentence "
    "has been read so far?",
)
def last_token_only(model, tokens):
    total = 0.0
    for i, token in enumerate(tokens):
        if token != BOS:
            p = model((tokens[i - 1],)).get(token, 0.0)
            total += math.log(p) if p > 0 else -math.inf
    return total


shows_the_answer = misconception(
    "sequence_log_prob",
    "You show the model the very token that it is to guess. Where does your slice of the sentence end, and is the "
    "token at place i in it?",
    change=("start:i", "start: i + 1"),
)


@misconception(
    "sequence_log_prob",
    "You hand the model a list. A model like yours of section 2 looks its context up in a dictionary, and a list "
    "can't be a key: what does the docstring ask for?",
)
def hands_over_a_list(model, tokens):
    total = 0.0
    for i, token in enumerate(tokens):
        if token == BOS:
            start = i
        else:
            p = model(tokens[start:i]).get(token, 0.0)
            total += math.log(p) if p > 0 else -math.inf
    return total


# -------------------------------------------------------------------- perplexity


@misconception(
    "perplexity",
    "Your number grows without end as the text grows (and no longer fits in a float for a long one). A fair die has "
    "perplexity 6 however often it is thrown: which root is missing?",
)
def without_the_root(model, tokens):
    return math.exp(-my.sequence_log_prob(model, tokens))


divides_by_bos_too = misconception(
    "perplexity",
    "A little too low, and by more when sentences are short: you divide by the number of all tokens. Which of them "
    "were never scored?",
    change=("(-my.sequence_log_prob(model, tokens) / scored)", "(-my.sequence_log_prob(model, tokens) / len(tokens))"),
)

two_to_the_nats = misconception(
    "perplexity",
    "Too low: you raise 2 to a loss that is in nats. Where all tokens are equally likely the result must be their "
    "number: which base undoes a natural logarithm?",
    change=("math.exp", "2 **"),
)


@misconception(
    "perplexity",
    "Your result is below 1: it is the mean probability of a token, a geometric mean, and perplexity is one over "
    "that. Which sign is missing?",
)
def missing_sign(model, tokens):
    return math.exp(my.sequence_log_prob(model, tokens) / sum(token != BOS for token in tokens))


@misconception(
    "perplexity",
    "Too high: you divide by the number of words, and the sum ran over one more token in each sentence. Which one?",
)
def divides_by_words(model, tokens):
    return math.exp(-my.sequence_log_prob(model, tokens) / sum(token not in (BOS, EOS) for token in tokens))


@misconception(
    "perplexity",
    "One sentence is right; of several you take the mean of their perplexities, so that a sentence of one word "
    "weighs as much as one of eight. What is averaged in the formula, and over what?",
)
def mean_of_perplexities(model, tokens):
    starts = [i for i, token in enumerate(tokens) if token == BOS]
    sentences = [tokens[a:b] for a, b in zip(starts, starts[1:] + [len(tokens)])]
    values = [math.exp(-my.sequence_log_prob(model, s) / (len(s) - 1)) for s in sentences]
    return sum(values) / len(values)


@misconception(
    "perplexity",
    "This is the mean loss in nats: right, but not yet undone. Where all tokens are equally likely the result must "
    "be their number: what undoes the logarithm?",
)
def mean_loss(model, tokens):
    return -my.sequence_log_prob(model, tokens) / sum(token != BOS for token in tokens)


@misconception(
    "perplexity",
    "One sentence is right, two are not: you leave a single <bos> out of the number that you divide by. How many are "
    "there in a text of many sentences?",
)
def takes_off_one_bos(model, tokens):
    return math.exp(-my.sequence_log_prob(model, tokens) / (len(tokens) - 1))


# -------------------------------------------------------------------- sample_next


takes_the_likeliest = misconception(
    "sample_next",
    "Every draw of yours gives the same token, the likeliest. A token with probability 0.3 should come three times "
    "in ten: where is the chance in your function?",
    change=("dart = rng.random()", "return max(probs, key=probs.get)"),
)


@misconception(
    "sample_next",
    "All your tokens come equally often (or even those of probability 0). The keys of the dictionary are used: and "
    "its values?",
)
def all_alike(probs, rng):
    return list(probs)[int(rng.integers(len(probs)))]


@misconception(
    "sample_next",
    "The tokens with a chance come equally often, whether that chance is 0.6 or 0.05. What is the length of a "
    "token's piece of the line?",
)
def all_possible_alike(probs, rng):
    possible = [token for token, p in probs.items() if p > 0]
    return possible[int(rng.integers(len(possible)))]


@misconception(
    "sample_next",
    "The later a token comes, the more its frequency is off. You compare the dart with each single probability: "
    "where on the line from 0 to 1 does the second piece end?",
)
def compares_single_probabilities(probs, rng):
    dart = rng.random()
    for token, p in probs.items():
        if dart < p:
            return token
    return token


@misconception(
    "sample_next",
    "You throw a new dart for every token of the walk, so the late tokens come too rarely. How many random "
    "numbers does one draw need?",
)
def a_dart_for_each_token(probs, rng):
    reached = 0.0
    for token, p in probs.items():
        reached += p
        if rng.random() < reached:
            return token
    return token


@misconception(
    "sample_next",
    "Your frequencies are the right numbers with the wrong tokens: you have put the tokens in order, but not their "
    "probabilities. Which belongs to which?",
)
def sorts_the_tokens(probs, rng):
    dart, reached = rng.random(), 0.0
    for token, p in zip(sorted(probs), probs.values()):
        reached += p
        if dart < reached:
            return token
    return token


@misconception(
    "sample_next",
    "Each token has the frequency of its neighbour. When the running sum passes the dart, whose piece was added last?",
)
def one_too_far(probs, rng):
    tokens, dart = list(probs), rng.random()
    place = int(np.searchsorted(np.cumsum(list(probs.values())), dart, side="right"))
    return tokens[(place + 1) % len(tokens)]


@misconception(
    "sample_next",
    "Two generators that are equal should give equal tokens, and the frequencies are right: your chance comes from "
    "somewhere else. Which generator did you use, and which were you given?",
)
def another_source_of_chance(probs, rng, own=np.random.default_rng(5)):  # noqa: B008 (keys must not vary)
    dart, reached = own.random(), 0.0
    for token, p in probs.items():
        reached += p
        if dart < reached:
            return token
    return token


a_new_generator_each_time = misconception(
    "sample_next",
    "You draw by probability, and still each draw gives the same token: your generator starts over at every call. "
    "Which generator remembers where it was?",
    change=("rng.random", "np.random.default_rng(0).random"),
)


@misconception(
    "sample_next", "You return a number, the place of the token in the dictionary. What does the docstring promise?"
)
def gives_the_place(probs, rng):
    return int(np.searchsorted(np.cumsum(list(probs.values())), rng.random(), side="right"))


# -------------------------------------------------------------------- generate


runs_past_the_end = misconception(
    "generate",
    "Your text goes on after <eos>. What did that token say, and who listens?",
    change=("if tokens[-1] == EOS:\n    break", "pass"),
)


@misconception(
    "generate",
    "You stop in time, but the <eos> itself is missing from your list. Whoever scores the text will want to know "
    "that it ended: when do you look, before or after appending?",
)
def drops_the_end(model, prompt, max_tokens, rng):
    tokens = list(prompt)
    for _ in range(max_tokens):
        token = my.sample_next(model(tuple(tokens)), rng)
        if token == EOS:
            break
        tokens.append(token)
    return tokens


new_tokens_only = misconception(
    "generate",
    "Your list holds the new tokens only. What does the docstring promise before them?",
    change=("return tokens", "return tokens[len(prompt) :]"),
)


@misconception(
    "generate",
    "With a prompt your text is too short: the tokens that you were given count against max_tokens. Which tokens "
    "does that number limit?",
)
def counts_the_prompt(model, prompt, max_tokens, rng):
    tokens = list(prompt)
    while len(tokens) < max_tokens and tokens[-1] != EOS:
        tokens.append(my.sample_next(model(tuple(tokens)), rng))
    return tokens


shows_the_last_token = misconception(
    "generate",
    "Your model is asked with the last token alone. It might look further back than that: what has it read by now?",
    change=("tuple(tokens)", "(tokens[-1],)"),
)


@misconception(
    "generate",
    "The model is asked the same question at every step, so it never learns what it has written itself. What has to "
    "be in its context at the third step?",
)
def shows_the_prompt_only(model, prompt, max_tokens, rng):
    probs, tokens = model(tuple(prompt)), list(prompt)
    for _ in range(max_tokens):
        tokens.append(my.sample_next(probs, rng))
        if tokens[-1] == EOS:
            break
    return tokens


always_the_likeliest = misconception(
    "generate",
    "Your text is always the same, whatever the generator: at each step you take the likeliest token. How did "
    "`sample_next` choose?",
    change=(
        "tokens.append(my.sample_next(model(tuple(tokens)), rng))",
        "probs = model(tuple(tokens))\ntokens.append(max(probs, key=probs.get))",
    ),
)


@misconception(
    "generate",
    "The list that you were given as the prompt is longer after the call. It belongs to your caller, who may want "
    "to use it again: what do you append to?",
)
def writes_into_the_prompt(model, prompt, max_tokens, rng):
    for _ in range(max_tokens):
        prompt.append(my.sample_next(model(tuple(prompt)), rng))
        if prompt[-1] == EOS:
            break
    return prompt


joins_the_tokens = misconception(
    "generate",
    "You return one string. The next step, scoring the text or going on with it, wants tokens: what type was the "
    "prompt?",
    change=("return tokens", 'return " ".join(tokens)'),
)


@misconception(
    "generate",
    "You hand the model your list. A model like yours of section 2 looks its context up in a dictionary, and a list "
    "can't be a key: what does the docstring ask for?",
)
def hands_over_its_list(model, prompt, max_tokens, rng):
    tokens = list(prompt)
    for _ in range(max_tokens):
        tokens.append(my.sample_next(model(tokens), rng))
        if tokens[-1] == EOS:
            break
    return tokens


@misconception(
    "generate",
    "Your loop ends at <eos> and nowhere else: a model that never says it would be called forever. (Here it gave up "
    "after 40 tokens.) Which argument haven't you used?",
)
def waits_for_the_end(model, prompt, max_tokens, rng):
    tokens = list(prompt)
    while tokens[-1] != EOS:
        tokens.append(my.sample_next(model(tuple(tokens)), rng))
    return tokens


# -------------------------------------------------------------------- polls

unchanged = wrong_choice(
    "smoothing_keeps",
    "A",
    "Four of four are spoken for. If a fifth word is to get something and the seen ones keep all they have, what is "
    "the sum?",
    name="seen_words_keep_theirs",
)
zeros_stay = wrong_choice(
    "smoothing_keeps",
    "B",
    "Then the ninth sentence stays impossible. What was smoothing for?",
    name="zeros_stay_zeros",
)
seen_sum_to_one = wrong_choice(
    "smoothing_keeps",
    "C",
    "If the words that were seen share all of the probability between them, how much is left for the others?",
    name="seen_words_share_it_all",
)

all_five = wrong_choice(
    "which_tokens_count",
    "A",
    "Before <bos> there is nothing that the model could look at, and every sentence is handed to it with its <bos>. "
    "Is there anything to guess?",
    name="bos_is_scored",
)
words_only = wrong_choice(
    "which_tokens_count",
    "C",
    "Think of two models: one knows where sentences end, the other never stops. Which tokens would tell them apart?",
    name="eos_is_not_scored",
)
shifted = wrong_choice(
    "which_tokens_count",
    "D",
    "You have named the tokens that are ever a *context*. Each of them is followed by one that is guessed: which "
    "are those?",
    name="contexts_instead_of_targets",
)

both_fall = wrong_choice(
    "longer_context",
    "A",
    "At n = 8, how many of the contexts in a new text has the model ever seen? What does adding k say after the "
    "others?",
    name="more_context_never_hurts",
)
both_rise = wrong_choice(
    "longer_context",
    "B",
    "On the counted text, what is the probability of a token after a context that occurred once? Can a longer "
    "context make that worse?",
    name="training_text_gets_worse",
)
starts_at_one = wrong_choice(
    "longer_context",
    "D",
    "With n = 1 the model looks at nothing. Could it know its own text by heart?",
    name="known_by_heart_at_once",
)

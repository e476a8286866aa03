"""Wrong answers that students give in unit 05_attention, each with the hint that it earns."""

import numpy as np

from lecture_lib.mywork import saved_work
from lecture_lib.checking.bank import misconception, wrong_choice

my = saved_work("05_attention")


# --- softmax


overflows = misconception(
    "softmax",
    "All is well until the scores are huge; then NaN. Print np.exp(1000.0). Only differences between scores matter: "
    "which scores give the same weights and stay small?",
    change=("np.exp(shifted)", "np.exp(S)"),
)

lowers_by_the_largest_of_all = misconception(
    "softmax",
    "You lower all scores by one common maximum. A row that lies far below another then has only exponentials of "
    "0, and 0/0 is NaN: whose maximum should a row be compared with?",
    change=("np.max(S, axis=axis, keepdims=True)", "np.max(S)"),
)


@misconception(
    "softmax",
    "Whatever axis is asked for, your result adds up to 1 along the last one. Where does your code read `axis`?",
)
def always_the_last_axis(S, axis):
    exponentials = np.exp(S - np.max(S, axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


@misconception(
    "softmax",
    "Whatever axis is asked for, it is the columns of your result that add up to 1. What does axis=-1 mean for a "
    "matrix?",
)
def always_the_first_axis(S, axis):
    with np.errstate(all="ignore"):
        exponentials = np.exp(S - np.max(S, axis=0, keepdims=True))
        return exponentials / exponentials.sum(axis=0, keepdims=True)


@misconception(
    "softmax",
    "Your whole result adds up to 1. A matrix has many rows, each a softmax of its own: over which entries should "
    "each sum run?",
)
def one_sum_for_all(S, axis):
    exponentials = np.exp(S - np.max(S))
    return exponentials / exponentials.sum()


@misconception(
    "softmax",
    "One row works; a matrix fails to broadcast. Print the shape of your sum: can it still be lined up with the "
    "rows of S? (On a square matrix it would, silently, line up with the wrong axis.)",
)
def loses_the_axis(S, axis):
    exponentials = np.exp(S - np.max(S, axis=axis, keepdims=True))
    return exponentials / exponentials.sum(axis=axis)


@misconception(
    "softmax",
    "Your weights are right, but the caller's array is different after the call. Which line of yours writes into "
    "S itself?",
)
def writes_into_its_argument(S, axis):
    S -= np.max(S, axis=axis, keepdims=True)
    exponentials = np.exp(S)
    return exponentials / exponentials.sum(axis=axis, keepdims=True)


@misconception(
    "softmax",
    "Some of your weights are negative. Scores may be negative, weights may not: what turns any number into a "
    "positive one?",
)
def without_exponential(S, axis):
    with np.errstate(all="ignore"):
        return S / S.sum(axis=axis, keepdims=True)


@misconception(
    "softmax",
    "Every weight of yours is 0 or 1: the largest score takes all. The softmax is softer: how much should the "
    "runner-up get?",
)
def hard_maximum(S, axis):
    return (np.max(S, axis=axis, keepdims=True) == S).astype(float)


# --- similarity_attention


shares_down_the_columns = misconception(
    "similarity_attention",
    "Your sums run over the wrong index: look at the weights that make up row 0 of your result. Do they add up to 1? "
    "Along which axis does your softmax run?",
    change=("my.softmax(scores, axis=-1)", "my.softmax(scores, axis=0)"),
)


@misconception(
    "similarity_attention",
    "Your result is much longer than the tokens that it mixes. Are your scores shares already?",
)
def mixes_by_raw_scores(X):
    return X @ X.T @ X


@misconception(
    "similarity_attention",
    "Your result is (T, T): those are the weights, one for each pair. Which vectors should they mix?",
)
def stops_at_the_weights(X):
    return my.softmax(X @ X.T, axis=-1)


@misconception(
    "similarity_attention",
    "Your weights are more even than they should be. Something divides your scores; does this section's formula do so?",
)
def scales_already(X):
    return my.softmax(X @ X.T / np.sqrt(X.shape[-1]), axis=-1) @ X


@misconception(
    "similarity_attention",
    "Your tokens look at everyone but themselves. Does the sum in the formula leave out j = i? And what could a "
    "single token look at?",
)
def leaves_itself_out(X):
    S = X @ X.T
    np.fill_diagonal(S, -1e9 if len(X) > 1 else 0.0)
    return my.softmax(S, axis=-1) @ X * (len(X) > 1)


@misconception(
    "similarity_attention",
    "Your scores don't notice how long a vector is: doubling a vector doesn't change them. Is the dot product "
    "like that?",
)
def compares_directions_only(X):
    unit = X / np.linalg.norm(X, axis=-1, keepdims=True)
    return my.softmax(unit @ unit.T, axis=-1) @ X


@misconception(
    "similarity_attention",
    "Your first token comes out unchanged: it saw nothing but itself. Who may see whom is the subject of a later "
    "section; over which j does the sum run here?",
)
def sees_only_the_past(X):
    hidden = np.triu(np.full((len(X), len(X)), -np.inf), k=1)
    return my.softmax(X @ X.T + hidden, axis=-1) @ X


@misconception(
    "similarity_attention",
    "Each of your tokens copies a single token, the most similar one. What should the others contribute?",
)
def copies_the_most_similar(X):
    return X[np.argmax(X @ X.T, axis=-1)]


# --- attention_scores


not_scaled = misconception(
    "attention_scores",
    "Your scores have the right signs and are too large, the more so the larger d_k is. How does the spread of a "
    "dot product grow with d_k, and what undoes it?",
    change=(" / np.sqrt(d_k)", ""),
)

divides_by_d_k = misconception(
    "attention_scores",
    "Your scores get too small as d_k grows. The variance of a dot product is d_k: what then is its standard "
    "deviation?",
    change=("np.sqrt(d_k)", "Q.shape[-1]"),
)

multiplies_by_the_root = misconception(
    "attention_scores",
    "Your scores grow with d_k instead of keeping their size. On which side of the fraction bar does the scaling "
    "belong?",
    change=("Q @ np.swapaxes(K, -1, -2) / np.sqrt(d_k)", "Q @ np.swapaxes(K, -1, -2) * np.sqrt(d_k)"),
)

scales_by_the_number_of_keys = misconception(
    "attention_scores",
    "Your scale changes with the number of keys. Which length made the sum in a dot product long: that of the "
    "text, or that of a vector?",
    change=("np.sqrt(d_k)", "np.sqrt(K.shape[-2])"),
)

keys_as_rows = misconception(
    "attention_scores",
    "Your rows belong to the keys, your columns to the queries. Who looks: the row or the column?",
    change=("Q @ np.swapaxes(K, -1, -2)", "K @ np.swapaxes(Q, -1, -2)"),
)


@misconception(
    "attention_scores",
    "Single sentences are right; a batch fails. For an array with three axes, which axes does .T exchange? Which "
    "two did you want?",
)
def turns_all_axes(Q, K):
    return Q @ K.T / np.sqrt(Q.shape[-1])


@misconception(
    "attention_scores",
    "Single sentences are right; on a batch you have far too many axes, each sentence with the keys of every "
    "other. What does np.dot do with arrays of three axes, and what does @ do?",
)
def crosses_the_batch(Q, K):
    return np.dot(Q, np.swapaxes(K, -1, -2)) / np.sqrt(Q.shape[-1])


@misconception(
    "attention_scores",
    "Your rows add up to 1: these are weights already. What does the docstring ask for?",
)
def softmax_included(Q, K):
    return my.softmax(Q @ np.swapaxes(K, -1, -2) / np.sqrt(Q.shape[-1]), axis=-1)


@misconception(
    "attention_scores",
    "You compare query i with key i only. Should the first query not also meet the second key?",
)
def pairs_only(Q, K):
    return np.sum(Q * K, axis=-1) / np.sqrt(Q.shape[-1])


scales_by_axis_one = misconception(
    "attention_scores",
    "One sentence is right, a batch is not: you divide by the root of the length of axis 1. Which axis of "
    "(B, T_q, d_k) is d_k, and how do you name it, whatever comes before it?",
    change=("np.sqrt(d_k)", "np.sqrt(Q.shape[1])"),
)


# --- polls

wrong_axis_columns = wrong_choice(
    "softmax_axis",
    "A",
    "You let every column add up to 1. A column holds what one key gets from all queries. Whose budget of looking "
    "is being shared out: the key's or the query's?",
    name="column_wise",
)
wrong_axis_all = wrong_choice(
    "softmax_axis",
    "C",
    "You let all of A add up to 1. With ten queries, how much would be left for each of them to take home?",
    name="over_everything",
)
wrong_axis_symmetric = wrong_choice(
    "softmax_axis",
    "D",
    "You take S for symmetric. It would be if queries and keys were the same vectors: are they? And after a mask?",
    name="believes_in_symmetry",
)
wrong_mask_transposed = wrong_choice(
    "which_mask",
    "A",
    "In your mask, the first token sees all four and the last only itself. Who reads from left to right like that?",
    name="future_only",
)
wrong_mask_diagonal = wrong_choice(
    "which_mask",
    "B",
    "In your mask the first row has nothing but -inf. What would the softmax make of it, and may a token not see "
    "itself?",
    name="not_even_itself",
)
wrong_mask_numbers = wrong_choice(
    "which_mask",
    "D",
    "Your mask adds 0 to what should be hidden and 1 to the rest. By which factor does the weight of a score "
    "change when 1 is added to it? Does anything vanish?",
    name="numbers_that_only_shift",
)


# --- causal_mask


transposed = misconception(
    "causal_mask",
    "Row i is the query. Your row 0 sees every later token, and the last row only itself: which of the two "
    "indices looks, and which is looked at?",
    change=("np.triu(np.full((T, T), -np.inf), k=1)", "np.tril(np.full((T, T), -np.inf), k=-1)"),
)

hides_itself = misconception(
    "causal_mask",
    "On your first row every score is -inf: what does a softmax make of that? May a token look at itself?",
    change=("np.triu(np.full((T, T), -np.inf), k=1)", "np.triu(np.full((T, T), -np.inf), k=0)"),
)

ones_and_zeros = misconception(
    "causal_mask",
    "Your mask is 1 and 0. It is *added* to the scores, where 0 changes nothing and 1 only shifts: which number "
    "makes a weight exactly 0?",
    change=("np.triu(np.full((T, T), -np.inf), k=1)", "np.tril(np.ones((T, T)))"),
)


@misconception(
    "causal_mask",
    "Your mask holds NaN where it should hold 0. What is 0 times infinity? Can the two values be chosen instead "
    "of computed?",
)
def zero_times_infinity(T):
    with np.errstate(invalid="ignore"):
        return (1.0 - np.tril(np.ones((T, T)))) * -np.inf


truth_values = misconception(
    "causal_mask",
    "Your mask holds True and False. Added to scores they count as 1 and 0: what should be added to a score to "
    "hide it?",
    change=("np.triu(np.full((T, T), -np.inf), k=1)", "np.tril(np.ones((T, T), dtype=bool))"),
)

large_but_finite = misconception(
    "causal_mask",
    "Your mask hides with a large negative number. That often works; but what if the scores are as large, or a "
    "whole row is hidden? What does the docstring promise?",
    change=("np.inf", "1e9"),
)

sees_the_next_token = misconception(
    "causal_mask",
    "Each of your tokens sees one token of its future, the very next one, which is what it has to predict. Where "
    "exactly does your triangle begin?",
    change=("np.triu(np.full((T, T), -np.inf), k=1)", "np.triu(np.full((T, T), -np.inf), k=2)"),
)

hides_the_past = misconception(
    "causal_mask",
    "In your mask, allowed and hidden have changed places: the past is -inf. What does adding 0 do to a score?",
    change=("np.triu(np.full((T, T), -np.inf), k=1)", "np.tril(np.full((T, T), -np.inf), k=0)"),
)


# --- padding_mask


@misconception(
    "padding_mask",
    "Your numbers are right, their shape is (B, T). Scores are (B, T_q, T): with which axis would broadcasting "
    "line up your B?",
)
def no_axis_for_the_queries(lengths, T):
    return np.where(np.arange(T) < lengths[:, None], 0.0, -np.inf)


hides_the_queries = misconception(
    "padding_mask",
    "Your mask is (B, T, 1): it hides rows. That silences a PAD as a query; who still looks at it as a key?",
    change=(":, None, :", ":, :, None"),
)


@misconception(
    "padding_mask",
    "Your mask is (B, T, T) with equal rows. It would work for T queries; the scores may have another number of "
    "them. What would broadcasting do for you?",
)
def repeats_for_every_query(lengths, T):
    row = np.where(np.arange(T) < lengths[:, None], 0.0, -np.inf)
    return np.repeat(row[:, None, :], T, axis=1)


one_too_many = misconception(
    "padding_mask",
    "One PAD of each sentence stays visible, the first. A sentence of 2 tokens has its real ones in places 0 and "
    "1: is 2 < 2?",
    change=("np.arange(T) < lengths[:, None]", "np.arange(T) <= lengths[:, None]"),
)


@misconception(
    "padding_mask",
    "You hide the real tokens and show the PADs. What does 0 mean in a mask that is added?",
)
def inside_out(lengths, T):
    return np.where(np.arange(T) < lengths[:, None], -np.inf, 0.0)[:, None, :]


pads_in_front = misconception(
    "padding_mask",
    "You hide the beginning of each sentence. Where are the real tokens, according to the docstring: at the "
    "start or at the end?",
    change=("np.arange(T) < lengths[:, None]", "np.arange(T) >= T - lengths[:, None]"),
)


@misconception(
    "padding_mask",
    "Your mask marks real tokens by 1 and PADs by 0. What happens to a PAD's score when 0 is added to it?",
)
def ones_for_real_tokens(lengths, T):
    return np.where(np.arange(T) < lengths[:, None], 1.0, 0.0)[:, None, :]


@misconception(
    "padding_mask",
    "Your real tokens got NaN. You multiply, and one of the factors is infinite: what is the other, for a real token?",
)
def infinity_times_zero(lengths, T):
    is_pad = np.arange(T) >= lengths[:, None]
    with np.errstate(invalid="ignore"):
        return (is_pad * -np.inf)[:, None, :]


# --- attention_weights


@misconception(
    "attention_weights",
    "Your columns add up to 1, not your rows. Which axis of S counts the keys, among which a query shares its "
    "attention?",
)
def column_wise(S, mask):
    masked = S + mask
    empty = np.all(np.isneginf(masked), axis=-2, keepdims=True)
    return np.where(empty, 0.0, my.softmax(np.where(empty, 0.0, masked), axis=-2))


@misconception(
    "attention_weights",
    "The hidden cells are 0, but the rows no longer add up to 1: each was divided by a sum that still held the "
    "hidden scores. When must the mask be there?",
)
def masks_too_late(S, mask):
    return my.softmax(S, axis=-1) * (mask == 0.0)


@misconception(
    "attention_weights",
    "You hide after the softmax and divide again. Look at the case with huge hidden scores: how much is left for "
    "the others after the first softmax, in a machine's numbers?",
)
def masks_too_late_then_divides(S, mask):
    weights = my.softmax(S, axis=-1) * (mask == 0.0)
    total = weights.sum(axis=-1, keepdims=True)
    return weights / np.where(total == 0.0, 1.0, total)


@misconception(
    "attention_weights",
    "A fully masked row came out as NaN: the formula says 0/0 there. What did we decide that such a row should be?",
)
def nothing_over_nothing(S, mask):
    with np.errstate(all="ignore"):
        masked = S + mask
        exponentials = np.exp(masked - masked.max(axis=-1, keepdims=True))
        return exponentials / exponentials.sum(axis=-1, keepdims=True)


@misconception(
    "attention_weights",
    "A fully masked row shares its attention equally among words that it may not see. Was that the decision?",
)
def uniform_when_empty(S, mask):
    return my.softmax(np.where(np.isneginf(mask), -1e300, S + 0.0 * (mask == 0.0)), axis=-1)


gives_up_the_mask = misconception(
    "attention_weights",
    "A fully masked row attends to words that it may not see, as if nothing were masked. What did we decide for it?",
    change=[("weights =", "return"), ("np.where(sees_nothing, 0.0, masked)", "np.where(sees_nothing, S, masked)")],
)

mask_as_truth = misconception(
    "attention_weights",
    "You show just the cells that should be hidden: -inf counts as True, 0 as False. In a mask that is added, "
    "which of the two means “may look”?",
    change=("S + mask", "np.where(np.broadcast_to(mask, S.shape).astype(bool), S, -np.inf)"),
)


@misconception(
    "attention_weights",
    "You multiply the scores by the mask. What becomes of a visible score times 0? And of a score times -inf, "
    "when it is negative?",
)
def multiplies_scores_by_the_mask(S, mask):
    with np.errstate(all="ignore"):
        masked = S * mask
        exponentials = np.exp(masked - masked.max(axis=-1, keepdims=True))
        return exponentials / exponentials.sum(axis=-1, keepdims=True)


@misconception(
    "attention_weights",
    "Your weights are the same with and without a mask. Where does `mask` enter?",
)
def ignores_the_mask(S, mask):
    return my.softmax(S, axis=-1)


subtracts_the_mask = misconception(
    "attention_weights",
    "Your results are NaN as soon as anything is hidden. A score minus -inf is +inf: which sign did the formula have?",
    change=("S + mask", "S - mask"),
)


@misconception(
    "attention_weights",
    "Where the scores of a row are large you get NaN, where they are far below 0 nothing at all: you take their "
    "exponentials as they are. What did your softmax do first?",
)
def exponentials_as_they_are(S, mask):
    exponentials = np.exp(S + mask)
    total = exponentials.sum(axis=-1, keepdims=True)
    return exponentials / np.where(total == 0, 1.0, total)


# --- scaled_dot_product_attention


@misconception(
    "scaled_dot_product_attention",
    "You return one number for each pair of a query and a key: how much each one looks. What does a query take home?",
)
def v_omitted(Q, K, V, mask=None):
    S = my.attention_scores(Q, K)
    return my.attention_weights(S, np.zeros_like(S) if mask is None else mask)


@misconception(
    "scaled_dot_product_attention",
    "All is right until there is a mask, and then nothing changes. Where does the mask go?",
)
def mask_forgotten(Q, K, V, mask=None):
    S = my.attention_scores(Q, K)
    return my.attention_weights(S, np.zeros_like(S)) @ V


scaled_twice = misconception(
    "scaled_dot_product_attention",
    "Your weights are too even. my.attention_scores divides by the square root of d_k; who else does in your code?",
    change=("my.attention_scores(Q, K)", "my.attention_scores(Q, K) / np.sqrt(Q.shape[-1])"),
)


@misconception(
    "scaled_dot_product_attention",
    "Your weights are too sharp: one word takes too much. Compare your scores with those of my.attention_scores: "
    "what is missing?",
)
def scaling_forgotten(Q, K, V, mask=None):
    S = Q @ np.swapaxes(K, -1, -2)
    return my.attention_weights(S, np.zeros_like(S) if mask is None else mask) @ V


@misconception(
    "scaled_dot_product_attention",
    "Your scores are divided by a root that follows the length of the values. Whose dot product made the scores "
    "spread out?",
)
def scaled_by_d_v(Q, K, V, mask=None):
    S = Q @ np.swapaxes(K, -1, -2) / np.sqrt(V.shape[-1])
    return my.attention_weights(S, np.zeros_like(S) if mask is None else mask) @ V


@misconception(
    "scaled_dot_product_attention",
    "The mixture is of keys, or has their length. What a word offers and what it hands over are two things: which "
    "did you mix?",
)
def mixes_the_keys(Q, K, V, mask=None):
    S = my.attention_scores(Q, K)
    return my.attention_weights(S, np.zeros_like(S) if mask is None else mask) @ K


@misconception(
    "scaled_dot_product_attention",
    "With as many keys as queries you get numbers, wrong ones; otherwise the shapes don't fit. In A @ V, which "
    "index of A has to meet the rows of V?",
)
def weights_turned(Q, K, V, mask=None):
    S = my.attention_scores(Q, K)
    A = my.attention_weights(S, np.zeros_like(S) if mask is None else mask)
    return np.swapaxes(A, -1, -2) @ V


@misconception(
    "scaled_dot_product_attention",
    "A masked key leaves a trace in your result: your rows of weights don't add up to 1. Did the softmax know of "
    "the mask?",
)
def masks_after_the_softmax(Q, K, V, mask=None):
    A = my.softmax(my.attention_scores(Q, K), axis=-1)
    return (A if mask is None else A * (mask == 0.0)) @ V


@misconception(
    "scaled_dot_product_attention",
    "Single sentences are right, a batch is not. How do you exchange two axes of K when there are leading ones?",
)
def single_sentences_only(Q, K, V, mask=None):
    S = Q @ K.T / np.sqrt(Q.shape[-1])
    return my.attention_weights(S, np.zeros_like(S) if mask is None else mask) @ V


@misconception(
    "scaled_dot_product_attention",
    "Without a mask all is right; with one you raise an error. What is the truth value of a whole array, in `mask "
    "or ...`?",
)
def asks_an_array_for_its_truth(Q, K, V, mask=None):
    S = my.attention_scores(Q, K)
    return my.attention_weights(S, mask or np.zeros_like(S)) @ V


nan_for_an_empty_row = misconception(
    "scaled_dot_product_attention",
    "Where a query may look at nothing you return NaN, the rest is right. What does my.attention_weights do for "
    "such a row that your own softmax doesn't?",
    change=("A @ V", "A / A.sum(axis=-1, keepdims=True) @ V"),
)


# --- self_attention


values_not_projected = misconception(
    "self_attention",
    "Your values are the words themselves: with one token you return it unchanged. What does a word hand over?",
    change=("my.scaled_dot_product_attention(Q, K, V, mask)", "my.scaled_dot_product_attention(Q, K, X, mask)"),
)

one_matrix_for_queries_and_keys = misconception(
    "self_attention",
    "Every word asks for what it offers itself: your scores are symmetric. How many of the three matrices do you "
    "use for them?",
    change=("my.scaled_dot_product_attention(Q, K, V, mask)", "my.scaled_dot_product_attention(Q, X @ W_q, V, mask)"),
)


@misconception(
    "self_attention",
    "Who looks and who is looked at have changed places: your row i gathers what i's key, not its query, asked "
    "for. Which projection belongs to which role?",
)
def queries_and_keys_exchanged(X, W_q, W_k, W_v, mask=None):
    return my.scaled_dot_product_attention(X @ W_k, X @ W_q, X @ W_v, mask)


@misconception(
    "self_attention",
    "Square matrices give numbers, wrong ones; others don't fit. The formula says X W_q: what does your code do "
    "to W_q first?",
)
def matrices_turned(X, W_q, W_k, W_v, mask=None):
    return my.scaled_dot_product_attention(X @ W_q.T, X @ W_k.T, X @ W_v.T, mask)


mask_not_passed_on = misconception(
    "self_attention",
    "All is right until there is a mask. self_attention has it; does the function that it calls?",
    change=("my.scaled_dot_product_attention(Q, K, V, mask)", "my.scaled_dot_product_attention(Q, K, X @ W_v)"),
)


@misconception(
    "self_attention",
    "Your scores are divided by the square root of the wrong length: that of a word's embedding. How long are "
    "queries and keys?",
)
def scaled_by_d_model(X, W_q, W_k, W_v, mask=None):
    Q = X @ W_q * np.sqrt(W_q.shape[-1] / X.shape[-1])
    return my.scaled_dot_product_attention(Q, X @ W_k, X @ W_v, mask)


keys_handed_over = misconception(
    "self_attention",
    "Your output has the length of a key, not of a value. Which matrix did you use for the values?",
    change=("my.scaled_dot_product_attention(Q, K, V, mask)", "my.scaled_dot_product_attention(Q, K, X @ W_k, mask)"),
)

compares_raw_embeddings = misconception(
    "self_attention",
    "You compare the raw embeddings and project only what is handed over. What are W_q and W_k for?",
    change=("my.scaled_dot_product_attention(Q, K, V, mask)", "my.scaled_dot_product_attention(X, X, V, mask)"),
)


@misconception(
    "self_attention",
    "Your words stay in their place, but each is added to what it gathered. That addition comes in unit 08; does "
    "the docstring's shape allow it here?",
)
def adds_the_input(X, W_q, W_k, W_v, mask=None):
    return X + my.scaled_dot_product_attention(X @ W_q, X @ W_k, X @ W_v, mask)


# --- swapped_tokens

swapped_weights_stay = wrong_choice(
    "swapped_tokens",
    "B",
    "You left the weights in their places, 0.6 at position 3. But a weight is computed from the key that stands "
    "there: whose key earned 0.6?",
    name="weights_stay_in_place",
)
swapped_outputs = wrong_choice(
    "swapped_tokens",
    "C",
    "You exchanged two entries of the output vector. Entries are features of a word, not positions in the "
    "sentence: which of the two did the swap move?",
    name="exchanges_features",
)
swapped_unknown = wrong_choice(
    "swapped_tokens",
    "D",
    "You say the weights can't be known. Their formula needs W_q and W_k, but you know already what came out for "
    "each pair of words: has any word changed, or only its place?",
    name="thinks_weights_depend_on_place",
)

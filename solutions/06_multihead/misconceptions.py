"""Wrong answers that students give in unit 06_multihead, each with the hint that it earns."""

import numpy as np
import torch
from torch import nn

from lecture_lib.mywork import saved_work
from lecture_lib.checking.bank import misconception, wrong_choice

my = saved_work("06_multihead")


# --- second_head

second_head_is_second_token = wrong_choice(
    "second_head",
    "B",
    "Your second head holds the whole second token and nothing of the first. Cut the array after every d_k numbers: "
    "is it tokens or columns that you have dealt out? How many tokens must every head see?",
    name="deals_out_tokens",
)
second_head_is_every_other = wrong_choice(
    "second_head",
    "C",
    "You took every second column, like dealing cards. The heads' queries are side by side, the first head's d_k "
    "columns first: which columns are left for the second?",
    name="every_other_column",
)
second_head_turned = wrong_choice(
    "second_head",
    "D",
    "You found the right columns and wrote them as rows. In every head a row belongs to one token: whose is your "
    "first row?",
    name="columns_written_as_rows",
)


# --- split_heads


@misconception(
    "split_heads",
    "One token is right, several get mixed: your first head holds whole tokens from the front of the sentence. In "
    "which order does a reshape read the numbers, and which axis was to be cut in two?",
)
def reshapes_straight_to_heads(X, n_heads):
    return X.reshape(*X.shape[:-2], n_heads, X.shape[-2], X.shape[-1] // n_heads)


@misconception(
    "split_heads",
    "Your numbers are right, each token has its heads inside: (..., T, n_heads, d_k). Attention works on the last two "
    "axes: which two should these be?",
)
def heads_inside_tokens(X, n_heads):
    return X.reshape(*X.shape[:-1], n_heads, X.shape[-1] // n_heads)


@misconception(
    "split_heads",
    "Your heads took turns: head 0 has the columns 0, n_heads, 2 n_heads and so on. Whose columns are side by side "
    "in X W_q?",
)
def takes_turns(X, n_heads):
    return X.reshape(*X.shape[:-1], X.shape[-1] // n_heads, n_heads).swapaxes(-1, -2).swapaxes(-2, -3)


confuses_number_and_width = misconception(
    "split_heads",
    "You made d_k heads of n_heads columns each. Which of the two numbers is the length of a head's row?",
    change=("X.reshape(*X.shape[:-1], n_heads, d_k)", "X.reshape(*X.shape[:-1], X.shape[-1] // n_heads, n_heads)"),
)

turns_every_head = misconception(
    "split_heads",
    "Every head of yours is turned on its side, (d_k, T). A row should belong to a token: which two axes did you "
    "exchange last?",
    change=("heads.swapaxes(-3, -2)", "heads.swapaxes(-2, -3).swapaxes(-1, -2)"),
)


@misconception(
    "split_heads",
    "A sentence is right, a batch raises an error or gets mixed. Your code counts axes from the front: where does a "
    "batch put its own axis?",
)
def one_sentence_only(X, n_heads):
    T, d_model = X.shape[0], X.shape[-1]
    return X.reshape(T, n_heads, d_model // n_heads).swapaxes(0, 1)


@misconception(
    "split_heads",
    "Arrays are right. A tensor goes in and an array comes out, so its gradient ends here. Which functions of yours "
    "belong to NumPy, and which methods do arrays and tensors share?",
)
def numpy_only(X, n_heads):
    X = np.asarray(X) if not torch.is_tensor(X) else X.detach().numpy()
    return np.stack(np.split(X, n_heads, axis=-1), axis=-3)


# --- merge_heads


@misconception(
    "merge_heads",
    "One token is right, several get mixed: your first row holds many tokens of one head. Which two axes must be "
    "side by side before they become one?",
)
def reshapes_at_once(X):
    return X.reshape(*X.shape[:-3], X.shape[-2], X.shape[-3] * X.shape[-1])


@misconception(
    "merge_heads",
    "The heads of your rows are shuffled together, like cards: first column of each head, then second of each. What "
    "should be in the first d_k columns?",
)
def shuffles_the_heads(X):
    T, width = X.shape[-2], X.shape[-3] * X.shape[-1]
    return X.swapaxes(-3, -2).swapaxes(-1, -2).reshape(*X.shape[:-3], T, width)


@misconception(
    "merge_heads",
    "Every block of your rows is right but in the wrong place: the last head comes first. In what order did "
    "splitting deal them out?",
)
def last_head_first(X):
    backwards = list(range(X.shape[-3]))[::-1]
    turned = X[..., backwards, :, :].swapaxes(-3, -2)
    return turned.reshape(*X.shape[:-3], X.shape[-2], X.shape[-3] * X.shape[-1])


@misconception(
    "merge_heads",
    "Your rows are d_k long: the heads are added up, and nobody can tell any more who said what. How long is a row of "
    "them side by side?",
)
def adds_the_heads_up(X):
    return X.sum(-3)


stops_halfway = misconception(
    "merge_heads",
    "The axes are in a good order, (..., T, n_heads, d_k), and there is one too many. Which two are still to become "
    "one?",
    change=("n_heads, T, d_k = X.shape[-3:]\ntokens = X.swapaxes(-3, -2)", "return X.swapaxes(-3, -2)"),
)


@misconception(
    "merge_heads",
    "You laid the heads one below the other, so that every token has n_heads rows. How many rows has a sentence of T "
    "tokens?",
)
def one_below_the_other(X):
    return X.reshape(*X.shape[:-3], X.shape[-3] * X.shape[-2], X.shape[-1])


@misconception(
    "merge_heads",
    "A sentence is right, a batch is not: your code knows the heads as axis 0. Counted from the back, which axis are "
    "they?",
)
def merges_one_sentence_only(X):
    return X.swapaxes(0, 1).reshape(X.shape[1], -1)


# --- multi_head_attention


output_matrix_forgotten = misconception(
    "multi_head_attention",
    "You return the heads side by side, each in its own columns. The formula has one more matrix: what is it for?",
    change=(" @ W_o", ""),
)


@misconception(
    "multi_head_attention",
    "With one head you are right, with several your weights are too even. How long are the two vectors that one head "
    "multiplies, and by the root of what do you divide?",
)
def scales_with_d_model(X, W_q, W_k, W_v, W_o, n_heads, mask=None):
    Q, K, V = (my.split_heads(X @ W, n_heads) for W in (W_q, W_k, W_v))
    mask = None if mask is None else mask[..., None, :, :]
    return my.merge_heads(my.scaled_dot_product_attention(Q / np.sqrt(n_heads), K, V, mask)) @ W_o


@misconception(
    "multi_head_attention",
    "All your heads have the same conversation: each uses the first head's columns of W_q, W_k and W_v. Whose are the "
    "other columns?",
)
def heads_share_weights(X, W_q, W_k, W_v, W_o, n_heads, mask=None):
    d_k = W_q.shape[1] // n_heads
    head = my.scaled_dot_product_attention(*(X @ W[:, :d_k] for W in (W_q, W_k, W_v)), mask)
    return np.concatenate([head] * n_heads, axis=-1) @ W_o


@misconception(
    "multi_head_attention",
    "All is right until sentences of a batch have masks of their own; with as many sentences as heads there is not "
    "even an error. Scores are (B, n_heads, T, T): beside which axis does broadcasting put the B of your mask?",
)
def mask_without_an_axis_for_heads(X, W_q, W_k, W_v, W_o, n_heads, mask=None):
    Q, K, V = (my.split_heads(X @ W, n_heads) for W in (W_q, W_k, W_v))
    return my.merge_heads(my.scaled_dot_product_attention(Q, K, V, mask)) @ W_o


@misconception(
    "multi_head_attention",
    "Only your first head obeys the mask, the others look everywhere. To which heads does a mask apply?",
)
def masks_the_first_head_only(X, W_q, W_k, W_v, W_o, n_heads, mask=None):
    Q, K, V = (my.split_heads(X @ W, n_heads) for W in (W_q, W_k, W_v))
    heads = my.scaled_dot_product_attention(Q, K, V)
    if mask is not None:
        first = my.scaled_dot_product_attention(Q[..., 0, :, :], K[..., 0, :, :], V[..., 0, :, :], mask)
        heads = np.concatenate([first[..., None, :, :], heads[..., 1:, :, :]], axis=-3)
    return my.merge_heads(heads) @ W_o


mask_not_handed_on = misconception(
    "multi_head_attention",
    "Your mask changes nothing. Through which call does it reach the scores?",
    change=(", mask", ""),
)


@misconception(
    "multi_head_attention",
    "However many heads are asked for, you compute one, over all d_model columns. Where does your code use n_heads?",
)
def one_big_head(X, W_q, W_k, W_v, W_o, n_heads, mask=None):
    return my.scaled_dot_product_attention(X @ W_q, X @ W_k, X @ W_v, mask) @ W_o


@misconception(
    "multi_head_attention",
    "Each of your heads reads only its own slice of the words: you cut X before it was projected. How many columns of "
    "X go into every query?",
)
def splits_before_projecting(X, W_q, W_k, W_v, W_o, n_heads, mask=None):
    d_k = W_q.shape[1] // n_heads
    blocks = [slice(h * d_k, (h + 1) * d_k) for h in range(n_heads)]
    heads = [my.scaled_dot_product_attention(*(X[..., b] @ W[b, b] for W in (W_q, W_k, W_v)), mask) for b in blocks]
    return np.concatenate(heads, axis=-1) @ W_o


@misconception(
    "multi_head_attention",
    "One token is right, a sentence is not: on the way back the heads' axis was folded into the wrong neighbour. How "
    "did you undo the split?",
)
def merges_by_reshape(X, W_q, W_k, W_v, W_o, n_heads, mask=None):
    Q, K, V = (my.split_heads(X @ W, n_heads) for W in (W_q, W_k, W_v))
    mask = None if mask is None else mask[..., None, :, :]
    return my.scaled_dot_product_attention(Q, K, V, mask).reshape(X.shape) @ W_o


# --- what_grows

grows_parameters = wrong_choice(
    "what_grows",
    "A",
    "You expect more parameters. Each head's W_q is (d_model, d_k), and d_k shrinks as n_heads grows: how many columns "
    "do all heads have together?",
    name="more_parameters",
)
grows_rows = wrong_choice(
    "what_grows",
    "C",
    "You expect longer rows. With 8 heads of 64 columns each, how many columns are side by side before W_o?",
    name="longer_rows",
)
grows_products = wrong_choice(
    "what_grows",
    "D",
    "You expect more multiplications. One entry of one head's QK^T costs d_k of them. How many entries are there over "
    "all heads, and what is the product?",
    name="more_multiplications",
)


# --- attention_param_count


@misconception(
    "attention_param_count",
    "With one head you are right; with several you count too much, n_heads times. How many columns does one head's "
    "W_q have?",
)
def once_more_for_each_head(d_model, n_heads, bias=False):
    return n_heads * (4 * d_model**2 + bias * 4 * d_model)


three_matrices = misconception(
    "attention_param_count",
    "You count three matrices. After the heads are put side by side, what do they go through?",
    change=("weights = 4 * d_model * d_model", "return 3 * d_model**2 + bias * 3 * d_model"),
)

biases_forgotten = misconception(
    "attention_param_count",
    "Without biases you are right; with them you count the same. How long is the bias of a layer with d_model outputs?",
    change=("weights = 4 * d_model * d_model", "return 4 * d_model * d_model"),
)

a_single_bias = misconception(
    "attention_param_count",
    "You count one bias. Which of the four projections is the one that has it?",
    change=("weights = 4 * d_model * d_model", "return 4 * d_model**2 + bias * d_model"),
)


@misconception(
    "attention_param_count",
    "With one head you are right; with several you count the matrices of a single one. How many heads bring their own?",
)
def one_head_only(d_model, n_heads, bias=False):
    d_k = d_model // n_heads
    return 4 * d_model * d_k + bias * (3 * d_k + d_model)


@misconception(
    "attention_param_count",
    "Your biases are d_k long and counted once for all heads. What is the shape of X W_q, to which the bias is added?",
)
def biases_of_one_head(d_model, n_heads, bias=False):
    return 4 * d_model**2 + bias * (3 * (d_model // n_heads) + d_model)


# --- MultiHeadAttention


@misconception(
    "MultiHeadAttention",
    "One token is right, several get mixed. A view or reshape straight to (B, n_heads, T, d_k) reads whole tokens into "
    "your first head: which function of yours does it properly?",
)
class ViewsWithoutSwapping(nn.Module):
    def __init__(self, d_model, n_heads, causal=False):
        super().__init__()
        self.n_heads, self.causal = n_heads, causal
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(d_model, d_model, bias=False) for _ in range(4))

    def forward(self, X, mask=None):
        B, T, d_model = X.shape
        Q, K, V = (W(X).view(B, self.n_heads, T, -1) for W in (self.W_q, self.W_k, self.W_v))
        S = Q @ K.swapaxes(-1, -2) / Q.shape[-1] ** 0.5
        if self.causal:
            S = S + torch.full((T, T), -torch.inf).triu(1)
        if mask is not None:
            S = S + mask.unsqueeze(-3)
        return self.W_o((torch.softmax(S, -1) @ V).reshape(B, T, d_model))


@misconception(
    "MultiHeadAttention",
    "All is right until causal=True: then your layer still sees the future. Who reads self.causal?",
)
class CausalIgnored(nn.Module):
    def __init__(self, d_model, n_heads, causal=False):
        super().__init__()
        self.n_heads, self.causal = n_heads, causal
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(d_model, d_model, bias=False) for _ in range(4))

    def forward(self, X, mask=None):
        Q, K, V = (my.split_heads(W(X), self.n_heads) for W in (self.W_q, self.W_k, self.W_v))
        S = Q @ K.swapaxes(-1, -2) / Q.shape[-1] ** 0.5
        if mask is not None:
            S = S + mask.unsqueeze(-3)
        return self.W_o(my.merge_heads(torch.softmax(S, -1) @ V))


@misconception(
    "MultiHeadAttention",
    "Each mask works alone; together, the causal one wins and the padding is forgotten. How do two additive masks "
    "become one?",
)
class CausalInsteadOfMask(nn.Module):
    def __init__(self, d_model, n_heads, causal=False):
        super().__init__()
        self.n_heads, self.causal = n_heads, causal
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(d_model, d_model, bias=False) for _ in range(4))

    def forward(self, X, mask=None):
        T = X.shape[1]
        if self.causal:
            mask = torch.full((1, T, T), -torch.inf).triu(1)
        Q, K, V = (my.split_heads(W(X), self.n_heads) for W in (self.W_q, self.W_k, self.W_v))
        S = Q @ K.swapaxes(-1, -2) / Q.shape[-1] ** 0.5
        if mask is not None:
            S = S + mask.unsqueeze(-3)
        return self.W_o(my.merge_heads(torch.softmax(S, -1) @ V))


@misconception(
    "MultiHeadAttention",
    "In your causal layer the first row is NaN: it may not even look at itself. Where does your triangle of -inf "
    "begin?",
)
class CausalHidesItself(nn.Module):
    def __init__(self, d_model, n_heads, causal=False):
        super().__init__()
        self.n_heads, self.causal = n_heads, causal
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(d_model, d_model, bias=False) for _ in range(4))

    def forward(self, X, mask=None):
        T = X.shape[1]
        Q, K, V = (my.split_heads(W(X), self.n_heads) for W in (self.W_q, self.W_k, self.W_v))
        S = Q @ K.swapaxes(-1, -2) / Q.shape[-1] ** 0.5
        if self.causal:
            S = S + torch.full((T, T), -torch.inf).triu()
        if mask is not None:
            S = S + mask.unsqueeze(-3)
        return self.W_o(my.merge_heads(torch.softmax(S, -1) @ V))


@misconception(
    "MultiHeadAttention",
    "Your layer raises an error when the sentences of a batch have masks of their own, or lets the heads, not the "
    "sentences, share them out. The mask is (B, 1, T), the scores are (B, n_heads, T, T): which axis does it lack?",
)
class MaskWithoutAnAxis(nn.Module):
    def __init__(self, d_model, n_heads, causal=False):
        super().__init__()
        self.n_heads, self.causal = n_heads, causal
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(d_model, d_model, bias=False) for _ in range(4))

    def forward(self, X, mask=None):
        T = X.shape[1]
        Q, K, V = (my.split_heads(W(X), self.n_heads) for W in (self.W_q, self.W_k, self.W_v))
        S = Q @ K.swapaxes(-1, -2) / Q.shape[-1] ** 0.5
        if self.causal:
            S = S + torch.full((T, T), -torch.inf).triu(1)
        if mask is not None:
            S = S + mask
        return self.W_o(my.merge_heads(torch.softmax(S, -1) @ V))


@misconception(
    "MultiHeadAttention",
    "With one head you are right, with several too even: your scores are divided by the root of d_model. How long is "
    "the row that one head compares?",
)
class ScaledWithDModel(nn.Module):
    def __init__(self, d_model, n_heads, causal=False):
        super().__init__()
        self.n_heads, self.causal = n_heads, causal
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(d_model, d_model, bias=False) for _ in range(4))

    def forward(self, X, mask=None):
        T = X.shape[1]
        Q, K, V = (my.split_heads(W(X), self.n_heads) for W in (self.W_q, self.W_k, self.W_v))
        S = Q @ K.swapaxes(-1, -2) / X.shape[-1] ** 0.5
        if self.causal:
            S = S + torch.full((T, T), -torch.inf).triu(1)
        if mask is not None:
            S = S + mask.unsqueeze(-3)
        return self.W_o(my.merge_heads(torch.softmax(S, -1) @ V))


@misconception(
    "MultiHeadAttention",
    "W_o gets no gradient: it is there, and nothing goes through it. What does forward do with the heads once they "
    "stand side by side?",
)
class OutputMatrixUnused(nn.Module):
    def __init__(self, d_model, n_heads, causal=False):
        super().__init__()
        self.n_heads, self.causal = n_heads, causal
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(d_model, d_model, bias=False) for _ in range(4))

    def forward(self, X, mask=None):
        T = X.shape[1]
        Q, K, V = (my.split_heads(W(X), self.n_heads) for W in (self.W_q, self.W_k, self.W_v))
        S = Q @ K.swapaxes(-1, -2) / Q.shape[-1] ** 0.5
        if self.causal:
            S = S + torch.full((T, T), -torch.inf).triu(1)
        if mask is not None:
            S = S + mask.unsqueeze(-3)
        return my.merge_heads(torch.softmax(S, -1) @ V)


@misconception(
    "MultiHeadAttention",
    "Your W_q, W_k and W_v have room for one head, (d_k, d_model), which all heads would share. How many outputs do "
    "all heads need together?",
)
class RoomForOneHead(nn.Module):
    def __init__(self, d_model, n_heads, causal=False):
        super().__init__()
        self.n_heads, self.causal = n_heads, causal
        d_k = d_model // n_heads
        self.W_q, self.W_k, self.W_v = (nn.Linear(d_model, d_k, bias=False) for _ in range(3))
        self.W_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, X, mask=None):
        T = X.shape[1]
        S = self.W_q(X) @ self.W_k(X).swapaxes(-1, -2) / self.W_q.out_features**0.5
        if self.causal:
            S = S + torch.full((T, T), -torch.inf).triu(1)
        if mask is not None:
            S = S + mask
        return self.W_o(torch.cat([torch.softmax(S, -1) @ self.W_v(X)] * self.n_heads, -1))


@misconception(
    "MultiHeadAttention",
    "Your layer has eight parameters instead of four: nn.Linear brought something that nobody asked for. Read its "
    "third argument.",
)
class WithBiases(nn.Module):
    def __init__(self, d_model, n_heads, causal=False):
        super().__init__()
        self.n_heads, self.causal = n_heads, causal
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(d_model, d_model) for _ in range(4))

    def forward(self, X, mask=None):
        T = X.shape[1]
        Q, K, V = (my.split_heads(W(X), self.n_heads) for W in (self.W_q, self.W_k, self.W_v))
        S = Q @ K.swapaxes(-1, -2) / Q.shape[-1] ** 0.5
        if self.causal:
            S = S + torch.full((T, T), -torch.inf).triu(1)
        if mask is not None:
            S = S + mask.unsqueeze(-3)
        return self.W_o(my.merge_heads(torch.softmax(S, -1) @ V))


@misconception(
    "MultiHeadAttention",
    "Your heads compete: even a single token is wrong, as soon as there are several of them. Axis 1 of the scores "
    "counts the heads; among what does a query share out its attention?",
)
class SoftmaxOverHeads(nn.Module):
    def __init__(self, d_model, n_heads, causal=False):
        super().__init__()
        self.n_heads, self.causal = n_heads, causal
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(d_model, d_model, bias=False) for _ in range(4))

    def forward(self, X, mask=None):
        T = X.shape[1]
        Q, K, V = (my.split_heads(W(X), self.n_heads) for W in (self.W_q, self.W_k, self.W_v))
        S = Q @ K.swapaxes(-1, -2) / Q.shape[-1] ** 0.5
        if self.causal:
            S = S + torch.full((T, T), -torch.inf).triu(1)
        if mask is not None:
            S = S + mask.unsqueeze(-3)
        return self.W_o(my.merge_heads(torch.softmax(S, 1) @ V))


@misconception(
    "MultiHeadAttention",
    "Every output is right, yet W_q, W_k and W_v get no gradient, so they would never learn. Where does your code step "
    "out of torch, or detach a tensor?",
)
class GradientCutOff(nn.Module):
    def __init__(self, d_model, n_heads, causal=False):
        super().__init__()
        self.n_heads, self.causal = n_heads, causal
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(d_model, d_model, bias=False) for _ in range(4))

    def forward(self, X, mask=None):
        T = X.shape[1]
        Q, K, V = (my.split_heads(W(X).detach(), self.n_heads) for W in (self.W_q, self.W_k, self.W_v))
        S = Q @ K.swapaxes(-1, -2) / Q.shape[-1] ** 0.5
        if self.causal:
            S = S + torch.full((T, T), -torch.inf).triu(1)
        if mask is not None:
            S = S + mask.unsqueeze(-3)
        return self.W_o(my.merge_heads(torch.softmax(S, -1) @ V))


@misconception(
    "MultiHeadAttention",
    "All is right but the causal part, where every row is NaN: 0 times infinity is no number. How do you get -inf "
    "above the diagonal and 0 elsewhere without multiplying by -inf?",
)
class ZeroTimesInfinity(nn.Module):
    def __init__(self, d_model, n_heads, causal=False):
        super().__init__()
        self.n_heads, self.causal = n_heads, causal
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(d_model, d_model, bias=False) for _ in range(4))

    def forward(self, X, mask=None):
        T = X.shape[1]
        Q, K, V = (my.split_heads(W(X), self.n_heads) for W in (self.W_q, self.W_k, self.W_v))
        S = Q @ K.swapaxes(-1, -2) / Q.shape[-1] ** 0.5
        if self.causal:
            S = S + torch.ones(T, T).triu(1) * -torch.inf
        if mask is not None:
            S = S + mask.unsqueeze(-3)
        return self.W_o(my.merge_heads(torch.softmax(S, -1) @ V))


@misconception(
    "MultiHeadAttention",
    "A single token is right; with more, your weights are too uneven. Compare your scores with the formula of section "
    "1: what are they divided by?",
)
class Unscaled(nn.Module):
    def __init__(self, d_model, n_heads, causal=False):
        super().__init__()
        self.n_heads, self.causal = n_heads, causal
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(d_model, d_model, bias=False) for _ in range(4))

    def forward(self, X, mask=None):
        T = X.shape[1]
        Q, K, V = (my.split_heads(W(X), self.n_heads) for W in (self.W_q, self.W_k, self.W_v))
        S = Q @ K.swapaxes(-1, -2)
        if self.causal:
            S = S + torch.full((T, T), -torch.inf).triu(1)
        if mask is not None:
            S = S + mask.unsqueeze(-3)
        return self.W_o(my.merge_heads(torch.softmax(S, -1) @ V))


@misconception(
    "MultiHeadAttention",
    "You hide keys after the softmax: they are gone, and the rest no longer adds up to 1. A mask is 0 or -inf: to what "
    "is it added?",
)
class MasksTheWeights(nn.Module):
    def __init__(self, d_model, n_heads, causal=False):
        super().__init__()
        self.n_heads, self.causal = n_heads, causal
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(d_model, d_model, bias=False) for _ in range(4))

    def forward(self, X, mask=None):
        Q, K, V = (my.split_heads(W(X), self.n_heads) for W in (self.W_q, self.W_k, self.W_v))
        A = torch.softmax(Q @ K.swapaxes(-1, -2) / Q.shape[-1] ** 0.5, -1)
        if self.causal:
            A = A.tril()
        if mask is not None:
            A = A * (mask.unsqueeze(-3) == 0)
        return self.W_o(my.merge_heads(A @ V))


# --- cross_mask

cross_causal = wrong_choice(
    "cross_mask",
    "A",
    "You hide the later words of the source, as if they were not known yet. When the translator writes its second "
    "word, which words of the source have been said already?",
    name="causal_over_the_source",
)
cross_square = wrong_choice(
    "cross_mask",
    "C",
    "Your mask is (3, 3). A row for each query, a column for each key: where do the keys of cross-attention come from, "
    "and how many are there?",
    name="a_column_for_each_query",
)
cross_diagonal = wrong_choice(
    "cross_mask",
    "D",
    "You let word i see word i of the source only. Do translations keep the order and the number of words? And what "
    "would be left for the weights to decide?",
    name="word_for_word",
)


# --- CrossAttention


ValuesFromX = misconception(
    "CrossAttention",
    "With as many queries as words of memory you get numbers, wrong ones; otherwise the shapes don't fit. Whose values "
    "do your weights mix?",
    change=("my.split_heads(self.W_v(memory), self.n_heads)", "my.split_heads(self.W_v(X), self.n_heads)"),
)

KeysFromX = misconception(
    "CrossAttention",
    "One word of memory is right. With more, a word is chosen by what is at its position in X: who should the queries "
    "be compared with?",
    change=("my.split_heads(self.W_k(memory), self.n_heads)", "my.split_heads(self.W_k(X), self.n_heads)"),
)


@misconception(
    "CrossAttention",
    "Your output has a row for each word of the memory. Who asks, and who is asked?",
)
class MemoryAsks(nn.Module):
    def __init__(self, d_model, n_heads):
        super().__init__()
        self.n_heads = n_heads
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(d_model, d_model, bias=False) for _ in range(4))

    def forward(self, X, memory, mask=None):
        Q, K, V = (my.split_heads(Y, self.n_heads) for Y in (self.W_q(memory), self.W_k(X), self.W_v(X)))
        S = Q @ K.swapaxes(-1, -2) / Q.shape[-1] ** 0.5
        if mask is not None:
            S = S + mask.unsqueeze(-3)
        return self.W_o(my.merge_heads(torch.softmax(S, -1) @ V))


@misconception(
    "CrossAttention",
    "Another memory gives the same output: your X attends to itself. Which of Q, K and V come from the memory?",
)
class MemoryIgnored(nn.Module):
    def __init__(self, d_model, n_heads):
        super().__init__()
        self.n_heads = n_heads
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(d_model, d_model, bias=False) for _ in range(4))

    def forward(self, X, memory, mask=None):
        Q, K, V = (my.split_heads(W(X), self.n_heads) for W in (self.W_q, self.W_k, self.W_v))
        S = Q @ K.swapaxes(-1, -2) / Q.shape[-1] ** 0.5
        if mask is not None:
            S = S + mask.unsqueeze(-3)
        return self.W_o(my.merge_heads(torch.softmax(S, -1) @ V))


@misconception(
    "CrossAttention",
    "Your queries look at themselves too: keys and values hold X and the memory, one after the other. Even with one "
    "query and one word of memory, how many words share the attention?",
)
class AsksItselfToo(nn.Module):
    def __init__(self, d_model, n_heads):
        super().__init__()
        self.n_heads = n_heads
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(d_model, d_model, bias=False) for _ in range(4))

    def forward(self, X, memory, mask=None):
        both = torch.cat([memory, X], 1)
        Q, K, V = (my.split_heads(Y, self.n_heads) for Y in (self.W_q(X), self.W_k(both), self.W_v(both)))
        S = Q @ K.swapaxes(-1, -2) / Q.shape[-1] ** 0.5
        if mask is not None:
            S = S + mask.unsqueeze(-3)
        return self.W_o(my.merge_heads(torch.softmax(S, -1) @ V))


CausalOverTheMemory = misconception(
    "CrossAttention",
    "Your first query sees only the first word of the memory, as if the rest were its future. Has the memory a future?",
    change=(
        "S = Q @ K.swapaxes(-1, -2) / Q.shape[-1] ** 0.5",
        "S = Q @ K.swapaxes(-1, -2) / Q.shape[-1] ** 0.5\nS = S + torch.full(S.shape[-2:], -torch.inf).triu(1)",
    ),
)

CrossMaskWithoutAnAxis = misconception(
    "CrossAttention",
    "All is right until sentences have masks of their own. Your mask is (B, 1, S), your scores are (B, n_heads, T, S): "
    "what comes next to the heads?",
    change=(".unsqueeze(-3)", ""),
)


@misconception(
    "CrossAttention",
    "All is right until there is a mask, and then nothing changes: words of the memory that are PADs get attention. "
    "Where does `mask` enter?",
)
class CrossMaskForgotten(nn.Module):
    def __init__(self, d_model, n_heads):
        super().__init__()
        self.n_heads = n_heads
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(d_model, d_model, bias=False) for _ in range(4))

    def forward(self, X, memory, mask=None):
        Q, K, V = (my.split_heads(Y, self.n_heads) for Y in (self.W_q(X), self.W_k(memory), self.W_v(memory)))
        S = Q @ K.swapaxes(-1, -2) / Q.shape[-1] ** 0.5
        return self.W_o(my.merge_heads(torch.softmax(S, -1) @ V))


CrossSoftmaxOverQueries = misconception(
    "CrossAttention",
    "One word of memory is right, a longer memory is not: the queries share out each word among them. Which axis of "
    "(B, n_heads, T, S) should add up to 1?",
    change=("A @ V", "torch.softmax(S, -2) @ V"),
)

"""Fallbacks for the exercises of unit 04_rnn_lm: torch tensors in and out, batch first.

Cells and whole sequences are torch's fused operators. Parameters are named as in the lesson (`E`, `W_hx`, `W_hh`,
`b_h`, `out`), so that weights move between the two. Gates of the LSTM stand in torch's order: input, forget, cell,
output.
"""

import torch
from torch import nn
from torch.nn import functional as F


def rnn_step(x, h, W_hx, W_hh, b_h):
    """x (B, d_emb), h (B, d_hidden), W_hx (d_hidden, d_emb), W_hh (d_hidden, d_hidden), b_h (d_hidden,) -> new h."""
    return torch.rnn_tanh_cell(x, h, W_hx, W_hh, b_h, torch.zeros_like(b_h))


def rnn_unroll(X, h, W_hx, W_hh, b_h):
    """X (B, T, d_emb), h (B, d_hidden): the state before -> all states (B, T, d_hidden)."""
    return _run(torch.rnn_tanh, X, h[None], W_hx, W_hh, b_h)[0]


def make_batch(sequences, pad_id):
    """Lists of ids -> inputs and targets (B, T): each token and the one after it, padded on the right."""
    rows = nn.utils.rnn.pad_sequence([torch.tensor(s) for s in sequences], True, pad_id)
    inputs = rows[:, :-1].clone()
    ends = torch.tensor([len(s) - 1 for s in sequences])
    return inputs.masked_fill(torch.arange(inputs.shape[1]) >= ends[:, None], pad_id), rows[:, 1:].contiguous()


def sequence_loss(logits, targets, pad_id):
    """logits (B, T, V), targets (B, T) -> scalar: mean nats over the targets that aren't pad_id."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=pad_id)


def clip_gradients(params, max_norm):
    """Scales the gradients of `params` in place to a joint norm of at most max_norm -> the norm before, a float."""
    return float(nn.utils.clip_grad_norm_(params, max_norm))


def lstm_step(x, state, W_hx, W_hh, b_h):
    """x (B, d_emb), state (h, c), each (B, d_hidden); W_hx, W_hh, b_h with 4 d_hidden rows -> the new (h, c)."""
    return torch.lstm_cell(x, state, W_hx, W_hh, b_h, torch.zeros_like(b_h))


class RNNLM(nn.Module):
    """Embedding, tanh recurrence, linear head (Elman 1990; Mikolov et al. 2010)."""

    gates = 1

    def __init__(self, vocab_size, d_emb, d_hidden):
        super().__init__()
        rows = self.gates * d_hidden
        self.E = nn.Parameter(torch.randn(vocab_size, d_emb) * d_emb**-0.5)
        self.W_hx = nn.Parameter(torch.randn(rows, d_emb) * d_emb**-0.5)
        self.W_hh = nn.Parameter(torch.randn(rows, d_hidden) * d_hidden**-0.5)
        self.b_h = nn.Parameter(torch.zeros(rows))
        self.out = nn.Linear(d_hidden, vocab_size)

    def forward(self, ids, state=None):
        """ids (B, T), state as it was returned or None -> logits (B, T, vocab_size), the state after the last token."""
        X = F.embedding(ids, self.E)
        h = X.new_zeros(len(ids), self.W_hh.shape[1]) if state is None else state
        H, last = _run(torch.rnn_tanh, X, h[None], self.W_hx, self.W_hh, self.b_h)
        return self.out(H), last[0]


class LSTMLM(RNNLM):
    """The same with LSTM cells (Hochreiter and Schmidhuber 1997); the state is the pair (h, c)."""

    gates = 4

    def __init__(self, vocab_size, d_emb, d_hidden):
        super().__init__(vocab_size, d_emb, d_hidden)
        nn.init.ones_(self.b_h.data[d_hidden : 2 * d_hidden])  # remember until taught to forget (Gers et al. 2000)

    def forward(self, ids, state=None):
        """ids (B, T), state (h, c) or None -> logits (B, T, vocab_size), (h, c)."""
        X = F.embedding(ids, self.E)
        if state is None:
            state = (X.new_zeros(len(ids), self.W_hh.shape[1]),) * 2
        H, h, c = _run(torch.lstm, X, [part[None] for part in state], self.W_hx, self.W_hh, self.b_h)
        return self.out(H), (h[0], c[0])


def tag(sentence, model, word_ids, tags):
    """sentence: words; model: ids (1, T) -> (logits (1, T, n_tags), state) -> the likeliest tag of each word."""
    known = torch.tensor([[word_ids.get(word, word_ids["<unk>"]) for word in sentence]], dtype=torch.long)
    with torch.inference_mode():
        return [tags[i] for i in model(known)[0].squeeze(0).argmax(-1).tolist()]


@torch.inference_mode()
def generate(model, prompt_ids, max_tokens, rng, stop_id=None):
    """The prompt and up to max_tokens sampled ids after it; stop_id ends it. rng: a NumPy generator."""
    ids, state = list(prompt_ids), None
    unread, end = ids, len(ids) + max_tokens
    while len(ids) < end:
        logits, state = model(torch.tensor([unread]), state)
        shares = torch.softmax(logits[0, -1].double(), -1).cumsum(-1)
        unread = [int(torch.searchsorted(shares, rng.random() * shares[-1].item(), right=True))]
        ids = ids + unread
        if unread[0] == stop_id:
            break
    return ids


def _run(operator, X, start, W_hx, W_hh, b_h):
    """One of torch's fused recurrent operators over a batch of whole sequences: one layer, one direction."""
    weights = [W_hx, W_hh, b_h, torch.zeros_like(b_h)]
    return operator(X, start, weights, True, 1, 0.0, torch.is_grad_enabled(), False, True)

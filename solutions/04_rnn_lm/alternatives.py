"""Right answers to unit 04_rnn_lm that are written differently from the lesson's."""

import torch
from torch import nn

from lecture_lib.mywork import saved_work
from lecture_lib.checking.bank import alternative

my = saved_work("04_rnn_lm")


@alternative("rnn_step")
def in_one_product(x, h, W_hx, W_hh, b_h):
    both = torch.cat((x, h), dim=1)  # W [x, h] + b, one product
    W = torch.cat((W_hx, W_hh), dim=1)
    return torch.einsum("bi,hi->bh", both, W).add(b_h).tanh()


@alternative("rnn_unroll")
def with_time_in_front(X, h, W_hx, W_hh, b_h):
    from_inputs = X.transpose(0, 1) @ W_hx.T + b_h  # (T, B, d_hidden), all at once
    states = [h]
    for z in from_inputs:
        states.append(torch.tanh(z + states[-1] @ W_hh.T))
    return torch.stack(states[1:]).transpose(0, 1)


@alternative("make_batch")
def pads_first_and_shifts_then(sequences, pad_id):
    longest = max(map(len, sequences))
    rows = torch.tensor([list(s) + [pad_id] * (longest - len(s)) for s in sequences])
    return rows[:, :-1], rows[:, 1:]


@alternative("RNNLM")
class TokenByToken(nn.Module):
    def __init__(self, vocab_size, d_emb, d_hidden):
        super().__init__()
        self.E = nn.Parameter(torch.randn(vocab_size, d_emb))
        self.W_hx = nn.Parameter(torch.randn(d_hidden, d_emb))
        self.W_hh = nn.Parameter(torch.randn(d_hidden, d_hidden))
        self.b_h = nn.Parameter(torch.zeros(d_hidden))
        self.out = nn.Linear(d_hidden, vocab_size)

    def forward(self, ids, state=None):
        h = torch.zeros(ids.shape[0], self.b_h.shape[0], dtype=self.E.dtype) if state is None else state
        logits = []
        for column in ids.T:
            h = my.rnn_step(self.E[column], h, self.W_hx, self.W_hh, self.b_h)
            logits.append(h @ self.out.weight.T + self.out.bias)
        return torch.stack(logits, 1), h


@alternative("sequence_loss")
def by_weights(logits, targets, pad_id):
    of_target = torch.take_along_dim(logits, targets.unsqueeze(2), dim=2).squeeze(2)
    surprise = torch.logsumexp(logits, dim=2) - of_target
    weights = (targets != pad_id).to(logits.dtype)
    return torch.sum(weights * surprise) / weights.sum()


@alternative("clip_gradients")
def as_one_long_vector(params, max_norm):
    params = [p for p in params if p.grad is not None]
    norm = torch.linalg.vector_norm(torch.cat([p.grad.reshape(-1) for p in params])).item()
    for p in params:
        p.grad = p.grad * min(1.0, max_norm / (norm + 1e-6))
    return norm


@alternative("lstm_step")
def gate_by_gate(x, state, W_hx, W_hh, b_h):
    h, c = state
    d = h.shape[1]
    block = [slice(k * d, (k + 1) * d) for k in range(4)]
    write, keep, message, show = (x @ W_hx[rows].T + h @ W_hh[rows].T + b_h[rows] for rows in block)
    c = c / (1 + torch.exp(-keep)) + message.tanh() / (1 + torch.exp(-write))
    return c.tanh() / (1 + torch.exp(-show)), c


@alternative("LSTMLM")
class AllInputsAtOnce(nn.Module):
    def __init__(self, vocab_size, d_emb, d_hidden):
        super().__init__()
        self.d_hidden = d_hidden
        self.E = nn.Parameter(torch.randn(vocab_size, d_emb) * d_emb**-0.5)
        self.W_hx = nn.Parameter(torch.randn(4 * d_hidden, d_emb) * d_emb**-0.5)
        self.W_hh = nn.Parameter(torch.randn(4 * d_hidden, d_hidden) * d_hidden**-0.5)
        self.b_h = nn.Parameter(torch.tensor([0.0, 1.0, 0.0, 0.0]).repeat_interleave(d_hidden))
        self.out = nn.Linear(d_hidden, vocab_size)

    def forward(self, ids, state=None):
        B, T = ids.shape
        if state is None:
            h, c = torch.zeros(2, B, self.d_hidden, dtype=self.E.dtype)
        else:
            h, c = state
        from_inputs = self.E[ids] @ self.W_hx.T + self.b_h  # (B, T, 4 d_hidden)
        logits = torch.empty(B, T, self.out.out_features, dtype=self.E.dtype)
        for t in range(T):
            i, f, g, o = (from_inputs[:, t] + h @ self.W_hh.T).reshape(B, 4, -1).unbind(1)
            c = c * f.sigmoid() + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            logits[:, t] = self.out(h)
        return logits, (h, c)


@alternative("tag")
def word_by_word(sentence, model, word_ids, tags):
    found = []
    known = [word_ids[word] if word in word_ids else word_ids["<unk>"] for word in sentence]
    logits = model(torch.tensor(known).unsqueeze(0))[0].squeeze(0)
    for row in logits:
        best = max(range(len(tags)), key=lambda k: float(row[k]))
        found.append(tags[best])
    return found


@alternative("generate")
def by_comparing_sums(model, prompt_ids, max_tokens, rng, stop_id=None):
    ids = [int(i) for i in prompt_ids]
    if max_tokens == 0:
        return ids
    with torch.no_grad():
        logits, state = model(torch.tensor(ids)[None], None)
        for k in range(max_tokens):
            total = torch.softmax(logits[0, -1].double(), dim=0).cumsum(0)
            ids.append(min(int((total < rng.random()).sum()), len(total) - 1))
            if ids[-1] == stop_id or k == max_tokens - 1:
                return ids
            logits, state = model(torch.tensor([[ids[-1]]]), state)

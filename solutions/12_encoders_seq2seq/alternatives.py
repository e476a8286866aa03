"""Right answers to unit 12_encoders_seq2seq that are written differently from the lesson's."""

import numpy as np
import torch
from torch import nn

from lecture_lib.mywork import saved_work
from lecture_lib.checking.bank import alternative

my = saved_work("12_encoders_seq2seq")


@alternative("EncoderBlock")
class FromItsParts(nn.Module):
    def __init__(self, d_model, n_heads, d_ff):
        super().__init__()
        self.ff_in, self.ff_out = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)
        self.norm_2, self.norm_1 = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.attention = my.MultiHeadAttention(d_model, n_heads)

    def forward(self, x, mask=None):
        heard = self.attention(self.norm_1(x), mask=mask)
        after = torch.add(x, heard)
        thought = self.ff_out(self.ff_in(self.norm_2(after)).clamp(min=0))
        return torch.add(after, thought)


@alternative("mask_tokens")
def place_by_place(ids, rng, mask_id, vocab_size, rate=0.15):
    inputs, targets = ids.flatten().tolist(), []
    for i, word in enumerate(inputs):
        fate = rng.random() / rate if rate > 0 else np.inf  # below 1 with probability `rate`, and then uniform
        targets.append(word if fate < 1 else -100)
        if fate < 0.8:
            inputs[i] = mask_id
        elif fate < 0.9:
            inputs[i] = int(rng.integers(vocab_size))
    return tuple(torch.tensor(row).reshape(ids.shape) for row in (inputs, targets))


@alternative("MaskedLM")
class UpsideDown(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config, sizes = config, (config.d_model, config.n_heads, config.d_ff)
        self.norm = nn.LayerNorm(config.d_model)
        self.blocks = nn.ModuleList()
        while len(self.blocks) < config.n_layers:
            self.blocks.append(my.EncoderBlock(*sizes))
        embeddings = my.Embeddings(config.vocab_size, config.block_size, config.d_model)
        self.head = my.LMHead(embeddings)
        self.embeddings = embeddings

    def forward(self, ids):
        return self.head(self.encode(ids))

    def encode(self, ids):
        words = self.embeddings(ids)
        hidden = torch.zeros_like(ids, dtype=torch.bool) if self.config.pad_id is None else ids == self.config.pad_id
        mask = torch.zeros_like(words[..., 0]).masked_fill(hidden, -torch.inf).unsqueeze(-2)

        def up_to(n):
            return words if n == 0 else self.blocks[n - 1](up_to(n - 1), mask)

        return self.norm(up_to(len(self.blocks)))


@alternative("additive_attention")
def key_by_key(query, keys, W, U, v, mask=None):
    asked, scores = torch.einsum("...q,qa->...a", query, W), []
    for key in keys.unbind(-2):
        scores.append((torch.tanh(asked + key @ U) * v).sum(-1))
    scores = torch.stack(scores, -1)
    if mask is not None:
        scores = scores.masked_fill(mask == -torch.inf, -torch.inf)
    shares = torch.exp(scores - scores.amax(-1, keepdim=True))
    shares = shares / shares.sum(-1, keepdim=True)
    return (shares.unsqueeze(-2) @ keys).squeeze(-2), shares


@alternative("shift_right")
def word_by_word(targets, bos):
    rows = [[bos, *row[:-1]] for row in targets.tolist()]
    return torch.tensor(rows)


@alternative("DecoderBlock")
class AnEncoderBlockWithOneMoreStep(my.PreLNBlock):
    def __init__(self, d_model, n_heads, d_ff):
        super().__init__(d_model, n_heads, d_ff)
        self.cross = my.CrossAttention(d_model, n_heads)
        self.norm_3 = nn.LayerNorm(d_model)

    def forward(self, y, memory, memory_mask=None):
        steps = [
            (self.norm_1, lambda x: self.attention(x)),
            (self.norm_2, lambda x: self.cross(x, memory, mask=memory_mask)),
            (self.norm_3, lambda x: self.ff_out(self.ff_in(x).clamp_min(0))),
        ]
        for norm, step in steps:
            y = step(norm(y)) + y
        return y


@alternative("Seq2Seq")
class TheWriterFirst(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config, d_model = config, config.d_model
        self.embeddings = my.Embeddings(config.vocab_size, config.block_size, d_model)
        self.head = my.LMHead(self.embeddings)
        for stack, Block in (("decoder", my.DecoderBlock), ("encoder", my.EncoderBlock)):
            blocks = [Block(d_model, config.n_heads, config.d_ff) for _ in range(config.n_layers)]
            setattr(self, stack, nn.ModuleList(blocks))
        self.norm, self.encoder_norm = nn.LayerNorm(d_model), nn.LayerNorm(d_model)

    def forward(self, source, target):
        memory = self.encode(source)
        return self.decode(target, memory)

    def encode(self, source):
        pads = [[word == self.config.pad_id for word in row] for row in source.tolist()]
        mask = torch.zeros(len(source), 1, source.shape[1]).masked_fill(torch.tensor(pads)[:, None], -torch.inf)
        x = self.embeddings(source)
        for i in range(self.config.n_layers):
            x = self.encoder[i](x, mask=mask)
        return self.encoder_norm(x), mask

    def decode(self, target, memory):
        vectors, mask = memory
        y = self.embeddings(target)
        for i in range(self.config.n_layers):
            y = self.decoder[i](y, vectors, memory_mask=mask)
        return self.head(self.norm(y))


@alternative("translate")
def in_lists(model, source, bos, eos, max_tokens):
    rows, done = [[] for _ in source], [False for _ in source]
    with torch.no_grad():
        memory = model.encode(source)
        shown = [[bos] for _ in source]
        for _ in range(max_tokens):
            logits = model.decode(torch.tensor(shown, device=source.device), memory)
            for i, best in enumerate(logits[:, -1].argmax(-1).tolist()):
                shown[i].append(best)
                done[i] = done[i] or best == eos
                if not done[i]:
                    rows[i].append(best)
            if all(done):
                break
    return rows

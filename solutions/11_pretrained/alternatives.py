"""Right answers to unit 11_pretrained that are written differently from the lesson's."""

import torch
from torch import nn

from lecture_lib.checking.bank import alternative
from lecture_lib.mywork import saved_work

my = saved_work("11_pretrained")


@alternative("rms_norm")
def by_the_length(x, gain, eps):
    d = x.shape[-1]
    length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return gain * (x * (d / (length**2 + d * eps)) ** 0.5)


@alternative("rms_norm")
def as_in_llama_s_code(x, gain, eps):
    wide = x.to(torch.float32)
    wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + eps)
    return gain * wide.to(x.dtype)


@alternative("grouped_query_attention")
def query_head_by_query_head(Q, K, V):
    n_heads, T = Q.shape[1:3]
    group = n_heads // K.shape[1]
    heads = []
    for head in range(n_heads):
        q, k, v = Q[:, head], K[:, head // group], V[:, head // group]  # (B, T, d_k)
        rows = [torch.softmax(q[:, t : t + 1] @ k[:, : t + 1].mT / q.shape[-1] ** 0.5, -1) for t in range(T)]
        heads.append(torch.cat([row @ v[:, : t + 1] for t, row in enumerate(rows)], dim=1))
    return torch.stack(heads, dim=1)


@alternative("swiglu")
def with_written_out_exponential(x, W_gate, W_up, W_down):
    gate = torch.einsum("fd,...d->...f", W_gate, x)
    up = torch.einsum("fd,...d->...f", W_up, x)
    return torch.einsum("df,...f->...d", W_down, gate * up / (1 + torch.exp(-gate)))


@alternative("load_weights")
def name_by_name_replaced(model, tensors):
    parts = "token_embd=tokens blk=blocks attn_norm=norm_1 attn_q=W_q attn_k=W_k attn_v=W_v attn_output=W_o"
    parts += " ffn_norm=norm_2 ffn_gate=W_gate ffn_up=W_up ffn_down=W_down output_norm=norm output=head"
    names = dict(pair.split("=") for pair in parts.split())
    waiting = dict(model.named_parameters())
    pairs = []
    for name, array in tensors.items():
        ours = ".".join(names.get(part, part) for part in name.split("."))
        if ours not in waiting:
            raise ValueError(f"{name} has no place in this model")
        if waiting[ours].shape != array.shape:
            raise ValueError(f"{name} has the shape {array.shape}, {ours} needs {tuple(waiting[ours].shape)}")
        pairs.append((waiting.pop(ours), array))
    if waiting:
        raise ValueError(f"the file has nothing for {', '.join(waiting)}")
    for p, array in pairs:
        p.data[...] = torch.as_tensor(array)


@alternative("score_label")
@torch.no_grad()
def token_by_token(model, prompt, labels):
    scores = dict.fromkeys(labels, 0.0)
    for name, label in labels.items():
        read = list(prompt)
        for token in label:
            logits = model(torch.tensor([read]))[0, -1]
            scores[name] += float(logits[token] - logits.logsumexp(0))
            read.append(token)
    best = sorted(labels, key=lambda name: -scores[name])[0]
    return best, scores


@alternative("few_shot_prompt")
def line_by_line(examples, query):
    lines = []
    for text, label in examples:
        lines += ["Review: " + text, "Sentiment: " + label, ""]
    return "\n".join([*lines, "Review: " + query, "Sentiment:"])


@alternative("LoRALinear")
class AsOneMatrix(nn.Module):
    def __init__(self, linear, rank, alpha):
        super().__init__()
        self.linear = linear
        for p in self.linear.parameters():
            p.requires_grad = False
        d_in = linear.in_features
        self.lora_A = nn.Parameter(linear.weight.new_empty(rank, d_in).uniform_(-(d_in**-0.5), d_in**-0.5))
        self.lora_B = nn.Parameter(torch.zeros_like(linear.weight[:, :1]).repeat(1, rank))
        self.scale = alpha / rank

    def change(self):
        return self.scale * torch.einsum("or,ri->oi", self.lora_B, self.lora_A)

    def forward(self, x):
        return nn.functional.linear(x, self.linear.weight + self.change(), self.linear.bias)

    def merge(self):
        d_out, d_in = self.linear.weight.shape
        merged = nn.Linear(d_in, d_out, bias=self.linear.bias is not None, dtype=self.linear.weight.dtype)
        with torch.no_grad():
            merged.weight.copy_(self.linear.weight + self.change())
            if self.linear.bias is not None:
                merged.bias.copy_(self.linear.bias)
        return merged


@alternative("finetune")
def gradients_asked_for_by_hand(model, head, batches, lr):
    model.requires_grad_(False)
    trained = [p for name, p in model.named_parameters() if "lora_" in name] + list(head.parameters())
    for p in trained:
        p.requires_grad_(True)
    optimizer = torch.optim.Adam(trained, lr=lr)
    losses = []
    for ids, labels in batches:
        log_p = head(model(ids)[:, -1]).log_softmax(-1)
        loss = -log_p[torch.arange(len(labels)), labels].mean()
        for p, grad in zip(trained, torch.autograd.grad(loss, trained)):
            p.grad = grad
        optimizer.step()
        losses.append(float(loss))
    return losses


@alternative("bias_gap")
def whole_sentences(model, template, pairs):
    def log_p(word):
        ids = torch.tensor([i for token in template for i in (word if token is None else [token])])
        with torch.no_grad():
            rows = torch.log_softmax(model(ids[None])[0, :-1], dim=-1)
        return rows.gather(1, ids[1:, None]).sum().item()

    return sum(log_p(first) - log_p(second) for first, second in pairs) / len(pairs)

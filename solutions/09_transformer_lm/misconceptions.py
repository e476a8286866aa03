"""Wrong answers that students give in unit 09_transformer_lm, each with the hint that it earns."""

import numpy as np
import torch
from torch import nn

from lecture_lib.mywork import saved_work
from lecture_lib.checking.bank import misconception, wrong_choice
from lecture_lib.models.transformer import Config
from lecture_lib.train.device import find_device

my = saved_work("09_transformer_lm")


# --- pad_and_truncate


@misconception(
    "pad_and_truncate",
    "Your PAD comes before the words. A causal model looks to the left: what would the first real word of such a row "
    "look at?",
)
def pads_on_the_left(ids, block_size, pad_id):
    rows = [[pad_id] * (block_size - len(row)) + row[:block_size] for row in ids]
    return torch.tensor(rows, dtype=torch.long)


@misconception(
    "pad_and_truncate",
    "Of a sentence that is too long you keep the last words; its beginning is gone. Which end does truncating cut off?",
)
def keeps_the_end(ids, block_size, pad_id):
    rows = [row[-block_size:] + [pad_id] * (block_size - len(row)) for row in ids]
    return torch.tensor(rows, dtype=torch.long)


@misconception(
    "pad_and_truncate",
    "Your rows are as long as the longest of these sentences, so the shape changes from batch to batch. How wide was "
    "the table of ids asked to be?",
)
def as_wide_as_the_longest(ids, block_size, pad_id):
    width = min(block_size, max(len(row) for row in ids))
    return torch.tensor([row[:width] + [pad_id] * (width - len(row)) for row in ids], dtype=torch.long)


@misconception(
    "pad_and_truncate",
    "Short sentences come out right; rows that are too long stay too long, and a ragged list makes no tensor. What "
    "happens to the words behind place block_size?",
)
def never_truncates(ids, block_size, pad_id):
    rows = [row + [pad_id] * (block_size - len(row)) for row in ids]
    return torch.tensor(rows, dtype=torch.long)


@misconception(
    "pad_and_truncate",
    "Whatever pad_id is asked for, your padding is 0. Which id means PAD is the vocabulary's business: where do you "
    "read the argument?",
)
def always_pads_with_zero(ids, block_size, pad_id):
    rows = torch.zeros(len(ids), block_size, dtype=torch.long)
    for row, sentence in zip(rows, ids):
        row[: len(sentence)] = torch.tensor(sentence[:block_size])
    return rows


@misconception(
    "pad_and_truncate",
    "After the call the caller's sentences have PAD in them. Which line of yours makes a list longer instead of making "
    "a new one?",
)
def writes_into_the_sentences(ids, block_size, pad_id):
    for row in ids:
        row += [pad_id] * (block_size - len(row))
    return torch.tensor([row[:block_size] for row in ids], dtype=torch.long)


@misconception(
    "pad_and_truncate",
    "Sentences that are too long are missing altogether: your batch has fewer rows than there are sentences. Cut them, "
    "or throw them away?",
)
def drops_long_sentences(ids, block_size, pad_id):
    rows = [row + [pad_id] * (block_size - len(row)) for row in ids if len(row) <= block_size]
    return torch.tensor(rows, dtype=torch.long).reshape(-1, block_size)


@misconception(
    "pad_and_truncate",
    "The numbers are right, but they are floating-point numbers. What does an embedding do with row 3.0 of its table?",
)
def makes_floats(ids, block_size, pad_id):
    rows = [row[:block_size] + [pad_id] * (block_size - len(row)) for row in ids]
    return torch.tensor(rows, dtype=torch.float)


# --- who_sees_pad

who_sees_pad_A = wrong_choice(
    "who_sees_pad",
    "A",
    "Attention mixes all that it is allowed to see. Take row 6 of sentence 4, its last word: which columns does a "
    "causal mask leave it?",
    name="attention_mixes_everything",
)
who_sees_pad_B = wrong_choice(
    "who_sees_pad",
    "B",
    "The last real token has a PAD as its neighbour, on the right. Does a causal model look at neighbours on the "
    "right?",
    name="the_neighbour_sees_it",
)
who_sees_pad_D = wrong_choice(
    "who_sees_pad",
    "D",
    "Id 0 is row 0 of the embedding matrix, and a position vector is added. What makes you think that this row is "
    "zero?",
    name="the_id_is_the_vector",
)


# --- get_batch


@misconception(
    "get_batch",
    "Your targets are your inputs: the model must predict the token that it has just read, and will learn to copy. "
    "Which token does it have to predict?",
)
def targets_not_shifted(tokens, block_size, batch_size, rng):
    starts = rng.integers(len(tokens) - block_size, size=batch_size)
    inputs = torch.stack([tokens[s : s + block_size] for s in starts]).long()
    return inputs, inputs.clone()


@misconception(
    "get_batch",
    "Your targets are one position *before* the inputs: the model learns to write backwards. Which of your two windows "
    "begins later?",
)
def shifted_the_wrong_way(tokens, block_size, batch_size, rng):
    starts = rng.integers(len(tokens) - block_size, size=batch_size)
    earlier = torch.stack([tokens[s : s + block_size] for s in starts]).long()
    later = torch.stack([tokens[s + 1 : s + 1 + block_size] for s in starts]).long()
    return later, earlier


@misconception(
    "get_batch",
    "All targets but the last of each row are right: that one is the row's first token. After rolling a window round, "
    "where should the token behind its end come from?",
)
def rolls_the_window_round(tokens, block_size, batch_size, rng):
    starts = rng.integers(len(tokens) - block_size, size=batch_size)
    inputs = torch.stack([tokens[s : s + block_size] for s in starts]).long()
    return inputs, inputs.roll(-1, dims=1)


@misconception(
    "get_batch",
    "All rows of your batch are the same window. For how many places do you ask the generator?",
)
def one_window_for_all_rows(tokens, block_size, batch_size, rng):
    start = int(rng.integers(len(tokens) - block_size))
    inputs = tokens[start : start + block_size].long().repeat(batch_size, 1)
    targets = tokens[start + 1 : start + 1 + block_size].long().repeat(batch_size, 1)
    return inputs, targets


@misconception(
    "get_batch",
    "No window of yours begins with the very first token. rng.integers counts from 0: which starts can it give you?",
)
def never_the_first_window(tokens, block_size, batch_size, rng):
    starts = rng.integers(1, len(tokens) - block_size, size=batch_size)
    inputs = torch.stack([tokens[s : s + block_size] for s in starts]).long()
    targets = torch.stack([tokens[s + 1 : s + 1 + block_size] for s in starts]).long()
    return inputs, targets


@misconception(
    "get_batch",
    "Some of your windows hang over the end of the text, and come out too short to be stacked. Where does the last "
    "start lie at which a window *and its last target* still fit?",
)
def windows_over_the_end(tokens, block_size, batch_size, rng):
    starts = [*rng.integers(len(tokens), size=batch_size - 1), len(tokens) - 1]
    inputs = torch.stack([tokens[s : s + block_size] for s in starts]).long()
    targets = torch.stack([tokens[s + 1 : s + 1 + block_size] for s in starts]).long()
    return inputs, targets


@misconception(
    "get_batch",
    "There is a window at the end of the text that you never draw; a text of just one window leaves you no choice at "
    "all. rng.integers(n) ends at n - 1: what is n for you?",
)
def never_the_last_window(tokens, block_size, batch_size, rng):
    starts = rng.integers(len(tokens) - block_size - 1, size=batch_size)
    inputs = torch.stack([tokens[s : s + block_size] for s in starts]).long()
    targets = torch.stack([tokens[s + 1 : s + 1 + block_size] for s in starts]).long()
    return inputs, targets


@misconception(
    "get_batch",
    "Your windows start at multiples of block_size only. The model would see each token always at the same place of a "
    "window: at how many places may one start?",
)
def windows_side_by_side(tokens, block_size, batch_size, rng):
    starts = rng.integers((len(tokens) - 1) // block_size, size=batch_size) * block_size
    inputs = torch.stack([tokens[s : s + block_size] for s in starts]).long()
    targets = torch.stack([tokens[s + 1 : s + 1 + block_size] for s in starts]).long()
    return inputs, targets


@misconception(
    "get_batch",
    "You hand out the same batch at every call, whatever generator comes in. Where does your randomness come from?",
)
def a_generator_of_its_own(tokens, block_size, batch_size, rng):
    starts = np.random.default_rng(0).integers(len(tokens) - block_size, size=batch_size)
    inputs = torch.stack([tokens[s : s + block_size] for s in starts]).long()
    targets = torch.stack([tokens[s + 1 : s + 1 + block_size] for s in starts]).long()
    return inputs, targets


@misconception(
    "get_batch",
    "Your targets hold a single token for each row. Every position of a window is a question of its own: how many "
    "answers does a row of inputs need?",
)
def one_target_for_each_row(tokens, block_size, batch_size, rng):
    starts = rng.integers(len(tokens) - block_size, size=batch_size)
    inputs = torch.stack([tokens[s : s + block_size] for s in starts]).long()
    targets = torch.stack([tokens[s + block_size] for s in starts]).long()
    return inputs, targets


# --- TransformerLM


@misconception(
    "TransformerLM",
    "Early logits change when a later token does: your blocks look into the future. Which argument of a block switches "
    "the causal mask off?",
)
class SeesTheFuture(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embeddings = my.Embeddings(config.vocab_size, config.block_size, config.d_model)
        self.dropout = nn.Dropout(config.dropout)
        shape = config.d_model, config.n_heads, config.d_ff
        self.blocks = nn.ModuleList([my.PreLNBlock(*shape, causal=False) for _ in range(config.n_layers)])
        self.norm = nn.LayerNorm(config.d_model)
        self.head = my.LMHead(self.embeddings)

    def forward(self, ids, mask=None):
        x = self.dropout(self.embeddings(ids))
        for block in self.blocks:
            x = block(x, mask)
        return self.head(self.norm(x))


@misconception(
    "TransformerLM",
    "The stream goes into your head as it comes out of the last block, never normalised: in a pre-LN model it has "
    "grown with every layer. Which of the five parts has no gradient in yours?",
)
class NoFinalNorm(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embeddings = my.Embeddings(config.vocab_size, config.block_size, config.d_model)
        self.dropout = nn.Dropout(config.dropout)
        shape = config.d_model, config.n_heads, config.d_ff
        self.blocks = nn.ModuleList([my.PreLNBlock(*shape) for _ in range(config.n_layers)])
        self.norm = nn.LayerNorm(config.d_model)
        self.head = my.LMHead(self.embeddings)

    def forward(self, ids, mask=None):
        x = self.dropout(self.embeddings(ids))
        for block in self.blocks:
            x = block(x, mask)
        return self.head(x)


@misconception(
    "TransformerLM",
    "You normalise the embeddings, before the blocks. What the head receives is the bare stream: at which end of the "
    "model does the last norm stand?",
)
class NormAtTheStart(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embeddings = my.Embeddings(config.vocab_size, config.block_size, config.d_model)
        self.dropout = nn.Dropout(config.dropout)
        shape = config.d_model, config.n_heads, config.d_ff
        self.blocks = nn.ModuleList([my.PreLNBlock(*shape) for _ in range(config.n_layers)])
        self.norm = nn.LayerNorm(config.d_model)
        self.head = my.LMHead(self.embeddings)

    def forward(self, ids, mask=None):
        x = self.norm(self.dropout(self.embeddings(ids)))
        for block in self.blocks:
            x = block(x, mask)
        return self.head(x)


@misconception(
    "TransformerLM",
    "However many layers are asked for, you have the parameters of one: the same block is in the list several "
    "times. How often is my.PreLNBlock(...) called in your code?",
)
class OneBlockManyTimes(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embeddings = my.Embeddings(config.vocab_size, config.block_size, config.d_model)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList([my.PreLNBlock(config.d_model, config.n_heads, config.d_ff)] * config.n_layers)
        self.norm = nn.LayerNorm(config.d_model)
        self.head = my.LMHead(self.embeddings)

    def forward(self, ids, mask=None):
        x = self.dropout(self.embeddings(ids))
        for block in self.blocks:
            x = block(x, mask)
        return self.head(self.norm(x))


@misconception(
    "TransformerLM",
    "No parameter of yours has a name that begins with blocks: PyTorch doesn't look into a Python list, so they'd "
    "never be trained. Which kind of list does nn offer for modules?",
)
class BlocksInAPlainList(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embeddings = my.Embeddings(config.vocab_size, config.block_size, config.d_model)
        self.dropout = nn.Dropout(config.dropout)
        shape = config.d_model, config.n_heads, config.d_ff
        self.blocks = [my.PreLNBlock(*shape) for _ in range(config.n_layers)]
        self.norm = nn.LayerNorm(config.d_model)
        self.head = my.LMHead(self.embeddings)

    def forward(self, ids, mask=None):
        x = self.dropout(self.embeddings(ids))
        for block in self.blocks:
            x = block(x, mask)
        return self.head(self.norm(x))


@misconception(
    "TransformerLM",
    "You have two embedding matrices, one to read with and another in the head. What does a tied head share, and with "
    "whom?",
)
class UntiedHead(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embeddings = my.Embeddings(config.vocab_size, config.block_size, config.d_model)
        self.dropout = nn.Dropout(config.dropout)
        shape = config.d_model, config.n_heads, config.d_ff
        self.blocks = nn.ModuleList([my.PreLNBlock(*shape) for _ in range(config.n_layers)])
        self.norm = nn.LayerNorm(config.d_model)
        self.head = my.LMHead(my.Embeddings(config.vocab_size, config.block_size, config.d_model))

    def forward(self, ids, mask=None):
        x = self.dropout(self.embeddings(ids))
        for block in self.blocks:
            x = block(x, mask)
        return self.head(self.norm(x))


@misconception(
    "TransformerLM",
    "With a mask your logits are what they are without: PAD on the left would be looked at as if it were a word. Who "
    "has to know about the mask?",
)
class DropsTheMask(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embeddings = my.Embeddings(config.vocab_size, config.block_size, config.d_model)
        self.dropout = nn.Dropout(config.dropout)
        shape = config.d_model, config.n_heads, config.d_ff
        self.blocks = nn.ModuleList([my.PreLNBlock(*shape) for _ in range(config.n_layers)])
        self.norm = nn.LayerNorm(config.d_model)
        self.head = my.LMHead(self.embeddings)

    def forward(self, ids, mask=None):
        x = self.dropout(self.embeddings(ids))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


@misconception(
    "TransformerLM",
    "Your last axis adds up to 1: these are probabilities. The loss takes the softmax itself: what are the numbers "
    "called that it expects?",
)
class SoftmaxAtTheEnd(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embeddings = my.Embeddings(config.vocab_size, config.block_size, config.d_model)
        self.dropout = nn.Dropout(config.dropout)
        shape = config.d_model, config.n_heads, config.d_ff
        self.blocks = nn.ModuleList([my.PreLNBlock(*shape) for _ in range(config.n_layers)])
        self.norm = nn.LayerNorm(config.d_model)
        self.head = my.LMHead(self.embeddings)

    def forward(self, ids, mask=None):
        x = self.dropout(self.embeddings(ids))
        for block in self.blocks:
            x = block(x, mask)
        return torch.softmax(self.head(self.norm(x)), dim=-1)


@misconception(
    "TransformerLM",
    "Your stream is added to itself at every block. A block's output already contains its input: who does the adding?",
)
class ResidualTwice(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embeddings = my.Embeddings(config.vocab_size, config.block_size, config.d_model)
        self.dropout = nn.Dropout(config.dropout)
        shape = config.d_model, config.n_heads, config.d_ff
        self.blocks = nn.ModuleList([my.PreLNBlock(*shape) for _ in range(config.n_layers)])
        self.norm = nn.LayerNorm(config.d_model)
        self.head = my.LMHead(self.embeddings)

    def forward(self, ids, mask=None):
        x = self.dropout(self.embeddings(ids))
        for block in self.blocks:
            x = x + block(x, mask)
        return self.head(self.norm(x))


@misconception(
    "TransformerLM",
    "Your dropout acts, in another place: it takes from what comes out of the blocks. Between which two parts does it "
    "stand in the list?",
)
class DropsAfterTheBlocks(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embeddings = my.Embeddings(config.vocab_size, config.block_size, config.d_model)
        self.dropout = nn.Dropout(config.dropout)
        blocks = [my.PreLNBlock(config.d_model, config.n_heads, config.d_ff) for _ in range(config.n_layers)]
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(config.d_model)
        self.head = my.LMHead(self.embeddings)

    def forward(self, ids, mask=None):
        x = self.embeddings(ids)
        for block in self.blocks:
            x = block(x, mask)
        return self.head(self.norm(self.dropout(x)))


@misconception(
    "TransformerLM",
    "All is right but the dropout: training and evaluating give the same logits. Between which two parts does it "
    "stand?",
)
class ForgetsDropout(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embeddings = my.Embeddings(config.vocab_size, config.block_size, config.d_model)
        self.dropout = nn.Dropout(config.dropout)
        shape = config.d_model, config.n_heads, config.d_ff
        self.blocks = nn.ModuleList([my.PreLNBlock(*shape) for _ in range(config.n_layers)])
        self.norm = nn.LayerNorm(config.d_model)
        self.head = my.LMHead(self.embeddings)

    def forward(self, ids, mask=None):
        x = self.embeddings(ids)
        for block in self.blocks:
            x = block(x, mask)
        return self.head(self.norm(x))


# --- lm_loss


pad_counts = misconception(
    "lm_loss",
    "Where there is PAD, your loss is off: predicting PAD counts like predicting a word. What does my.cross_entropy "
    "need to know?",
    change=(
        "logits = model(ids)\nreturn my.cross_entropy(logits, targets, ignore_index=pad_id)",
        "return my.cross_entropy(model(ids), targets)",
    ),
)


@misconception(
    "lm_loss",
    "Given rows of text, you ask for the token that the model has just read. Between the inputs and their targets lies "
    "one place: which column is nobody's target?",
)
def asks_for_the_input(model, ids, targets=None, pad_id=None):
    if targets is None:
        targets = ids
    return my.cross_entropy(model(ids), targets, ignore_index=pad_id)


always_ignores_zero = misconception(
    "lm_loss",
    "You ignore targets of 0, whatever PAD is, and even if there is none. Which argument says which target does not "
    "count?",
    change=(
        "logits = model(ids)\nreturn my.cross_entropy(logits, targets, ignore_index=pad_id)",
        "return my.cross_entropy(model(ids), targets, ignore_index=0)",
    ),
)


mean_of_row_means = misconception(
    "lm_loss",
    "Short and long sentences weigh the same in your loss: it is a mean of the rows' means. In the toy by hand, was it "
    "1.2 or 1.5?",
    change=(
        "return my.cross_entropy(logits, targets, ignore_index=pad_id)",
        "rows = [my.cross_entropy(row, target, ignore_index=pad_id) for row, target in zip(logits, targets)]\n"
        "return torch.stack(rows).mean()",
    ),
)


@misconception(
    "lm_loss",
    "PAD costs nothing in your loss, but it still counts as a token in the mean: the more padding, the better you "
    "look. By what number do you divide?",
)
def divides_by_all_cells(model, ids, targets=None, pad_id=None):
    if targets is None:
        ids, targets = ids[:, :-1], ids[:, 1:]
    share = 1.0 if pad_id is None else (targets != pad_id).double().mean()
    return my.cross_entropy(model(ids), targets, ignore_index=pad_id) * share


softmax_twice = misconception(
    "lm_loss",
    "Your losses lie too near to the logarithm of the vocabulary's size: the softmax has been taken twice. What does "
    "my.cross_entropy expect, logits or probabilities?",
    change=(
        "logits = model(ids)\nreturn my.cross_entropy(logits, targets, ignore_index=pad_id)",
        "return my.cross_entropy(torch.softmax(model(ids), dim=-1), targets, ignore_index=pad_id)",
    ),
)


@misconception(
    "lm_loss",
    "Right for a single prediction; after it, your model reads its own guesses instead of the text. What is meant by "
    "teacher forcing?",
)
def reads_its_own_guesses(model, ids, targets=None, pad_id=None):
    if targets is None:
        ids, targets = ids[:, :-1], ids[:, 1:]
    read = ids[:, :1]
    for _ in range(ids.shape[1] - 1):
        read = torch.cat([read, model(read)[:, -1:].argmax(-1)], dim=1)
    return my.cross_entropy(model(read), targets, ignore_index=pad_id)


cuts_the_gradient = misconception(
    "lm_loss",
    "The value is right, but it is a plain number: nothing leads back from it to the weights. Which call of yours cuts "
    "the thread?",
    change=(
        "logits = model(ids)\nreturn my.cross_entropy(logits, targets, ignore_index=pad_id)",
        "return my.cross_entropy(model(ids), targets, ignore_index=pad_id).item()",
    ),
)


# --- adamw_step


@misconception(
    "adamw_step",
    "Without decay all is right; with it, you add lambda times theta to the *gradient*, where the ratio divides it "
    "away again. On what does the W of AdamW act?",
)
def decay_in_the_gradient(p, grad, state, lr, beta1=0.9, beta2=0.98, eps=1e-8, weight_decay=0.1):
    if not state:
        state.update(step=0, m=torch.zeros_like(p), v=torch.zeros_like(p))
    grad = grad + weight_decay * p
    state["step"] += 1
    state["m"] = beta1 * state["m"] + (1 - beta1) * grad
    state["v"] = beta2 * state["v"] + (1 - beta2) * grad**2
    m, v = state["m"] / (1 - beta1 ** state["step"]), state["v"] / (1 - beta2 ** state["step"])
    p -= lr * m / (torch.sqrt(v) + eps)


no_bias_correction = misconception(
    "adamw_step",
    "Your steps are wrong most of all at the start: m and v began at 0 and nobody corrects that. What are the hats "
    "for?",
    change=[
        (
            'm = state["m"] / (1 - beta1 ** state["step"])\n'
            'v = state["v"] / (1 - beta2 ** state["step"])\n'
            "p *= 1 - lr * weight_decay",
            "p *= 1 - lr * weight_decay",
        ),
        ("= lr * m / (torch.sqrt(v) + eps)", '= lr * state["m"] / (torch.sqrt(state["v"]) + eps)'),
    ],
)


@misconception(
    "adamw_step",
    "Your first step divides by 0, since you count it as step number 0. What is 1 - beta**t for t = 0?",
)
def counts_from_zero(p, grad, state, lr, beta1=0.9, beta2=0.98, eps=1e-8, weight_decay=0.1):
    if not state:
        state.update(step=0, m=torch.zeros_like(p), v=torch.zeros_like(p))
    state["m"] = beta1 * state["m"] + (1 - beta1) * grad
    state["v"] = beta2 * state["v"] + (1 - beta2) * grad**2
    with np.errstate(all="ignore"):
        m = state["m"] / np.float64(1 - beta1 ** state["step"])
        v = state["v"] / np.float64(1 - beta2 ** state["step"])
    p *= 1 - lr * weight_decay
    p -= lr * m / (torch.sqrt(v) + eps)
    state["step"] += 1


eps_under_the_root = misconception(
    "adamw_step",
    "Only the case with a large eps is wrong: yours is under the root. Where is it in the formula?",
    change=[
        (
            'm = state["m"] / (1 - beta1 ** state["step"])\nv = state["v"] / (1 - beta2 ** state["step"])',
            'm, v = state["m"] / (1 - beta1 ** state["step"]), state["v"] / (1 - beta2 ** state["step"])',
        ),
        ("m / (torch.sqrt(v) + eps)", "m / torch.sqrt(v + eps)"),
    ],
)


@misconception(
    "adamw_step",
    "With decay you are off by a hair: you shrink theta after the step, and so shrink the step too. Which theta does "
    "the formula multiply by 1 - eta * lambda?",
)
def decay_after_the_step(p, grad, state, lr, beta1=0.9, beta2=0.98, eps=1e-8, weight_decay=0.1):
    if not state:
        state.update(step=0, m=torch.zeros_like(p), v=torch.zeros_like(p))
    state["step"] += 1
    state["m"] = beta1 * state["m"] + (1 - beta1) * grad
    state["v"] = beta2 * state["v"] + (1 - beta2) * grad**2
    m, v = state["m"] / (1 - beta1 ** state["step"]), state["v"] / (1 - beta2 ** state["step"])
    p -= lr * m / (torch.sqrt(v) + eps)
    p *= 1 - lr * weight_decay


decay_without_the_rate = misconception(
    "adamw_step",
    "Your decay is the same whatever the learning rate, and so it outlives the schedule: at the end the weights only "
    "shrink. By which two numbers is theta's shrinking given?",
    change=(
        'm = state["m"] / (1 - beta1 ** state["step"])\n'
        'v = state["v"] / (1 - beta2 ** state["step"])\n'
        "p *= 1 - lr * weight_decay",
        'm, v = state["m"] / (1 - beta1 ** state["step"]), state["v"] / (1 - beta2 ** state["step"])\n'
        "p *= 1 - weight_decay",
    ),
)


forgets_the_root = misconception(
    "adamw_step",
    "You divide by v itself, so that small gradients make huge steps. v is a mean of *squares*: in which unit is the "
    "step to be?",
    change=[
        (
            'm = state["m"] / (1 - beta1 ** state["step"])\nv = state["v"] / (1 - beta2 ** state["step"])',
            'm, v = state["m"] / (1 - beta1 ** state["step"]), state["v"] / (1 - beta2 ** state["step"])',
        ),
        ("torch.sqrt(v)", "v"),
    ],
)


makes_a_new_tensor = misconception(
    "adamw_step",
    "The tensor that was handed over is as it was: you made a new one and let it go. Which operators change a tensor "
    "itself?",
    change=(
        'm = state["m"] / (1 - beta1 ** state["step"])\n'
        'v = state["v"] / (1 - beta2 ** state["step"])\n'
        "p *= 1 - lr * weight_decay\n"
        "p -= lr * m / (torch.sqrt(v) + eps)",
        'm, v = state["m"] / (1 - beta1 ** state["step"]), state["v"] / (1 - beta2 ** state["step"])\n'
        "p = p * (1 - lr * weight_decay) - lr * m / (torch.sqrt(v) + eps)",
    ),
)


keeps_no_memory = misconception(
    "adamw_step",
    "One step is right, the second is another first one: m and v begin at 0 again. Where should they be kept between "
    "two calls?",
    change=[
        (
            "if not state:\n    state.update(step=0, m=torch.zeros_like(p), v=torch.zeros_like(p))",
            "state.update(step=0, m=torch.zeros_like(p), v=torch.zeros_like(p))",
        ),
        (
            'm = state["m"] / (1 - beta1 ** state["step"])\nv = state["v"] / (1 - beta2 ** state["step"])',
            'm, v = state["m"] / (1 - beta1 ** state["step"]), state["v"] / (1 - beta2 ** state["step"])',
        ),
    ],
)


@misconception(
    "adamw_step",
    "After several steps both m and v are too small: you keep the corrected values, and correct them again at the next "
    "step. Are the hats part of the memory?",
)
def keeps_the_hats(p, grad, state, lr, beta1=0.9, beta2=0.98, eps=1e-8, weight_decay=0.1):
    if not state:
        state.update(step=0, m=torch.zeros_like(p), v=torch.zeros_like(p))
    state["step"] += 1
    state["m"] = (beta1 * state["m"] + (1 - beta1) * grad) / (1 - beta1 ** state["step"])
    state["v"] = (beta2 * state["v"] + (1 - beta2) * grad**2) / (1 - beta2 ** state["step"])
    p *= 1 - lr * weight_decay
    p -= lr * state["m"] / (torch.sqrt(state["v"]) + eps)


# --- lr_at


begins_at_zero = misconception(
    "lr_at",
    "Your first step has the rate 0: a batch is read, and nothing is learned from it. Steps are counted from 0: how "
    "far through the warm-up is the first one when it is done?",
    change=("(step + 1)", "step"),
)


@misconception(
    "lr_at",
    "You begin with the full rate, when Adam has seen hardly a gradient. What happens in the first warmup_steps steps?",
)
def no_warmup(step, config):
    u = step / config.steps
    return config.lr * (config.final_lr + (1 - config.final_lr) * (1 + float(np.cos(np.pi * u))) / 2)


cosine_from_the_start = misconception(
    "lr_at",
    "Right after the warm-up your rate drops a little: the cosine has been running since step 0. At which step is u to "
    "be 0?",
    change=("(step - config.warmup_steps) / (config.steps - config.warmup_steps)", "step / config.steps"),
)


down_in_one_step_less = misconception(
    "lr_at",
    "The warm-up is right, and the way down is one step late or early: yours ends exactly at the foot. u counts from 0 "
    "right after the warm-up towards 1 at step number config.steps: by how many steps is it divided?",
    change=("(config.steps - config.warmup_steps)", "(config.steps - config.warmup_steps - 1)"),
)


straight_down = misconception(
    "lr_at",
    "Half-way down you agree, and nowhere else: your rate falls along a straight line. Which curve is level at both "
    "ends?",
    change=(
        "(config.final_lr + (1 - config.final_lr) * (1 + float(np.cos(np.pi * u))) / 2)",
        "(config.final_lr + (1 - config.final_lr) * (1 - u))",
    ),
)


schedule_by_epoch = misconception(
    "lr_at",
    "Your rate stands still for some steps and then jumps: you count in whole rounds of eval_every steps, not in "
    "steps. How often should it change?",
    change=(
        "if step < config.warmup_steps:",
        "step = step // config.eval_every * config.eval_every\nif step < config.warmup_steps:",
    ),
)


always_ends_at_zero = misconception(
    "lr_at",
    "Runs that end at 0 are right; one that should end higher also falls to 0. What is the share r for?",
    change=(
        "(config.final_lr + (1 - config.final_lr) * (1 + float(np.cos(np.pi * u))) / 2)",
        "(1 + float(np.cos(np.pi * u))) / 2",
    ),
)


adds_the_end_on_top = misconception(
    "lr_at",
    "At the end of a run you are below r: you take final_lr for the height of the cosine's foot but leave the cosine "
    "its full height, or none at all. At u = 0, does your bracket give 1?",
    change=(
        "return config.lr * (config.final_lr + (1 - config.final_lr) * (1 + float(np.cos(np.pi * u))) / 2)",
        "return config.lr * (config.final_lr + (1 + float(np.cos(np.pi * u))) / 2)",
    ),
)


quarter_of_a_wave = misconception(
    "lr_at",
    "Your cosine ends half-way: at the last step the rate is still near half of its peak. For u = 1, what should the "
    "cosine be: 0 or -1?",
    change=(
        "(config.final_lr + (1 - config.final_lr) * (1 + float(np.cos(np.pi * u))) / 2)",
        "(config.final_lr + (1 - config.final_lr) * (1 + float(np.cos(np.pi * u / 2))) / 2)",
    ),
)


# --- train


@misconception(
    "train",
    "The first step is right. After it your gradients hold all batches so far. Who clears them?",
)
def never_clears(model, data, config, pad_id=None, state=None, on_step=None):
    device = find_device(config)
    model.to(device.torch_device).train()
    state = {"step": 0, "adam": {}} if state is None else state
    losses = []
    for step in range(state["step"], config.steps):
        ids, targets = device.put(*data(np.random.default_rng([config.seed, step])))
        loss = my.lm_loss(model, ids, targets, pad_id)
        loss.backward()
        my.clip_gradients(list(model.parameters()), config.clip)
        with torch.no_grad():
            for name, p in model.named_parameters():
                decay = config.weight_decay if p.dim() >= 2 else 0.0
                adam = state["adam"].setdefault(name, {})
                settings = my.lr_at(step, config), config.beta1, config.beta2
                my.adamw_step(p, p.grad, adam, *settings, weight_decay=decay)
        state["step"] = step + 1
        losses.append(loss.item())
        if on_step:
            on_step(step, losses[-1])
    return losses


@misconception(
    "train",
    "Each of your steps has the peak rate: no warm-up, no coming down. Which function knows the rate of a step?",
)
def one_rate_for_all(model, data, config, pad_id=None, state=None, on_step=None):
    device = find_device(config)
    model.to(device.torch_device).train()
    state = {"step": 0, "adam": {}} if state is None else state
    losses = []
    for step in range(state["step"], config.steps):
        ids, targets = device.put(*data(np.random.default_rng([config.seed, step])))
        loss = my.lm_loss(model, ids, targets, pad_id)
        model.zero_grad()
        loss.backward()
        my.clip_gradients(list(model.parameters()), config.clip)
        with torch.no_grad():
            for name, p in model.named_parameters():
                decay = config.weight_decay if p.dim() >= 2 else 0.0
                adam = state["adam"].setdefault(name, {})
                my.adamw_step(p, p.grad, adam, config.lr, config.beta1, config.beta2, weight_decay=decay)
        state["step"] = step + 1
        losses.append(loss.item())
        if on_step:
            on_step(step, losses[-1])
    return losses


@misconception(
    "train",
    "All is right until clipping matters. Where is config.clip in your loop, and between which two lines must it be?",
)
def never_clips(model, data, config, pad_id=None, state=None, on_step=None):
    device = find_device(config)
    model.to(device.torch_device).train()
    state = {"step": 0, "adam": {}} if state is None else state
    losses = []
    for step in range(state["step"], config.steps):
        ids, targets = device.put(*data(np.random.default_rng([config.seed, step])))
        loss = my.lm_loss(model, ids, targets, pad_id)
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for name, p in model.named_parameters():
                decay = config.weight_decay if p.dim() >= 2 else 0.0
                adam = state["adam"].setdefault(name, {})
                settings = my.lr_at(step, config), config.beta1, config.beta2
                my.adamw_step(p, p.grad, adam, *settings, weight_decay=decay)
        state["step"] = step + 1
        losses.append(loss.item())
        if on_step:
            on_step(step, losses[-1])
    return losses


@misconception(
    "train",
    "The matrices move rightly, the vector does not: your decay pulls biases and gains towards 0 as well. Which "
    "parameters are to shrink?",
)
def decays_everything(model, data, config, pad_id=None, state=None, on_step=None):
    device = find_device(config)
    model.to(device.torch_device).train()
    state = {"step": 0, "adam": {}} if state is None else state
    losses = []
    for step in range(state["step"], config.steps):
        ids, targets = device.put(*data(np.random.default_rng([config.seed, step])))
        loss = my.lm_loss(model, ids, targets, pad_id)
        model.zero_grad()
        loss.backward()
        my.clip_gradients(list(model.parameters()), config.clip)
        with torch.no_grad():
            for name, p in model.named_parameters():
                adam = state["adam"].setdefault(name, {})
                settings = my.lr_at(step, config), config.beta1, config.beta2
                my.adamw_step(p, p.grad, adam, *settings, weight_decay=config.weight_decay)
        state["step"] = step + 1
        losses.append(loss.item())
        if on_step:
            on_step(step, losses[-1])
    return losses


@misconception(
    "train",
    "Your model reads the same batch at every step: the generator is made from the same seed each time. What else "
    "goes into "
    "it?",
)
def the_same_batch_again(model, data, config, pad_id=None, state=None, on_step=None):
    device = find_device(config)
    model.to(device.torch_device).train()
    state = {"step": 0, "adam": {}} if state is None else state
    losses = []
    for step in range(state["step"], config.steps):
        ids, targets = device.put(*data(np.random.default_rng([config.seed, 0])))
        loss = my.lm_loss(model, ids, targets, pad_id)
        model.zero_grad()
        loss.backward()
        my.clip_gradients(list(model.parameters()), config.clip)
        with torch.no_grad():
            for name, p in model.named_parameters():
                decay = config.weight_decay if p.dim() >= 2 else 0.0
                adam = state["adam"].setdefault(name, {})
                settings = my.lr_at(step, config), config.beta1, config.beta2
                my.adamw_step(p, p.grad, adam, *settings, weight_decay=decay)
        state["step"] = step + 1
        losses.append(loss.item())
        if on_step:
            on_step(step, losses[-1])
    return losses


@misconception(
    "train",
    "One generator serves your whole run, so what step 40 draws depends on how often it was asked before. Can a run "
    "that goes on at step 40 know that? What should a step's generator be made from?",
)
def one_generator_for_the_run(model, data, config, pad_id=None, state=None, on_step=None):
    device = find_device(config)
    model.to(device.torch_device).train()
    state = {"step": 0, "adam": {}} if state is None else state
    losses, rng = [], np.random.default_rng(config.seed)
    for step in range(state["step"], config.steps):
        ids, targets = device.put(*data(rng))
        loss = my.lm_loss(model, ids, targets, pad_id)
        model.zero_grad()
        loss.backward()
        my.clip_gradients(list(model.parameters()), config.clip)
        with torch.no_grad():
            for name, p in model.named_parameters():
                decay = config.weight_decay if p.dim() >= 2 else 0.0
                adam = state["adam"].setdefault(name, {})
                settings = my.lr_at(step, config), config.beta1, config.beta2
                my.adamw_step(p, p.grad, adam, *settings, weight_decay=decay)
        state["step"] = step + 1
        losses.append(loss.item())
        if on_step:
            on_step(step, losses[-1])
    return losses


@misconception(
    "train",
    "An unbroken run is right; one that resumes after an outage begins at step 0 again. What does state tell you about "
    "where to start?",
)
def begins_again(model, data, config, pad_id=None, state=None, on_step=None):
    device = find_device(config)
    model.to(device.torch_device).train()
    state = {"step": 0, "adam": {}} if state is None else state
    losses = []
    for step in range(config.steps):
        ids, targets = device.put(*data(np.random.default_rng([config.seed, step])))
        loss = my.lm_loss(model, ids, targets, pad_id)
        model.zero_grad()
        loss.backward()
        my.clip_gradients(list(model.parameters()), config.clip)
        with torch.no_grad():
            for name, p in model.named_parameters():
                decay = config.weight_decay if p.dim() >= 2 else 0.0
                adam = state["adam"].setdefault(name, {})
                settings = my.lr_at(step, config), config.beta1, config.beta2
                my.adamw_step(p, p.grad, adam, *settings, weight_decay=decay)
        state["step"] = step + 1
        losses.append(loss.item())
        if on_step:
            on_step(step, losses[-1])
    return losses


@misconception(
    "train",
    "AdamW starts from nothing in each of your steps: what m and v held is gone. In which dictionary do they outlive a "
    "step, and the run?",
)
def forgets_the_moments(model, data, config, pad_id=None, state=None, on_step=None):
    device = find_device(config)
    model.to(device.torch_device).train()
    state = {"step": 0, "adam": {}} if state is None else state
    losses = []
    for step in range(state["step"], config.steps):
        ids, targets = device.put(*data(np.random.default_rng([config.seed, step])))
        loss = my.lm_loss(model, ids, targets, pad_id)
        model.zero_grad()
        loss.backward()
        my.clip_gradients(list(model.parameters()), config.clip)
        with torch.no_grad():
            for _name, p in model.named_parameters():
                decay = config.weight_decay if p.dim() >= 2 else 0.0
                settings = my.lr_at(step, config), config.beta1, config.beta2
                my.adamw_step(p, p.grad, {}, *settings, weight_decay=decay)
        state["step"] = step + 1
        losses.append(loss.item())
        if on_step:
            on_step(step, losses[-1])
    return losses


@misconception(
    "train",
    "Without padding all is right; with it, PAD is in your loss. Who has to be told about pad_id?",
)
def pad_in_the_loss(model, data, config, pad_id=None, state=None, on_step=None):
    device = find_device(config)
    model.to(device.torch_device).train()
    state = {"step": 0, "adam": {}} if state is None else state
    losses = []
    for step in range(state["step"], config.steps):
        ids, targets = device.put(*data(np.random.default_rng([config.seed, step])))
        loss = my.lm_loss(model, ids, targets)
        model.zero_grad()
        loss.backward()
        my.clip_gradients(list(model.parameters()), config.clip)
        with torch.no_grad():
            for name, p in model.named_parameters():
                decay = config.weight_decay if p.dim() >= 2 else 0.0
                adam = state["adam"].setdefault(name, {})
                settings = my.lr_at(step, config), config.beta1, config.beta2
                my.adamw_step(p, p.grad, adam, *settings, weight_decay=decay)
        state["step"] = step + 1
        losses.append(loss.item())
        if on_step:
            on_step(step, losses[-1])
    return losses


@misconception(
    "train",
    "The loop is right, but nobody learns how far it got: state says step 0 forever. What would a checkpoint of it "
    "be worth?",
)
def never_counts(model, data, config, pad_id=None, state=None, on_step=None):
    device = find_device(config)
    model.to(device.torch_device).train()
    state = {"step": 0, "adam": {}} if state is None else state
    losses = []
    for step in range(state["step"], config.steps):
        ids, targets = device.put(*data(np.random.default_rng([config.seed, step])))
        loss = my.lm_loss(model, ids, targets, pad_id)
        model.zero_grad()
        loss.backward()
        my.clip_gradients(list(model.parameters()), config.clip)
        with torch.no_grad():
            for name, p in model.named_parameters():
                decay = config.weight_decay if p.dim() >= 2 else 0.0
                adam = state["adam"].setdefault(name, {})
                settings = my.lr_at(step, config), config.beta1, config.beta2
                my.adamw_step(p, p.grad, adam, *settings, weight_decay=decay)
        losses.append(loss.item())
        if on_step:
            on_step(step, losses[-1])
    return losses


# --- evaluate


@misconception(
    "evaluate",
    "Batches of one shape are right. Of several shapes you weigh each by its rows: what is lm_loss a mean over, rows "
    "or targets that count?",
)
def weighs_by_rows(model, data, pad_id=None):
    was_training, device = model.training, next(model.parameters()).device
    model.eval()
    nats, count = 0.0, 0
    with torch.no_grad():
        for ids, targets in data:
            nats += len(ids) * my.lm_loss(model, ids.to(device), targets.to(device), pad_id).item()
            count += len(ids)
    model.train(was_training)
    return nats / count, float(np.exp(nats / count))


@misconception(
    "evaluate",
    "One batch is right. Of several you take the mean of their means: a batch of two tokens then weighs as much as one "
    "of fifty. By what should each count?",
)
def mean_over_batches(model, data, pad_id=None):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        losses = [my.lm_loss(model, ids, targets, pad_id).item() for ids, targets in data]
    model.train(was_training)
    return float(np.mean(losses)), float(np.exp(np.mean(losses)))


@misconception(
    "evaluate",
    "Your loss is far too small: the mean of a batch times its rows is not the batch's sum. Over how many targets was "
    "the mean taken?",
)
def sums_by_rows(model, data, pad_id=None):
    was_training, device = model.training, next(model.parameters()).device
    model.eval()
    nats, count = 0.0, 0
    with torch.no_grad():
        for ids, targets in data:
            nats += len(ids) * my.lm_loss(model, ids.to(device), targets.to(device), pad_id).item()
            count += targets.numel() if pad_id is None else int((targets != pad_id).sum())
    model.train(was_training)
    return nats / count, float(np.exp(nats / count))


@misconception(
    "evaluate",
    "Your loss is right, your perplexity too large: it is a mean of perplexities. Once you have the mean loss, what is "
    "left to do?",
)
def mean_of_perplexities(model, data, pad_id=None):
    was_training = model.training
    model.eval()
    nats, count, perplexities = 0.0, 0, 0.0
    with torch.no_grad():
        for ids, targets in data:
            n = targets.numel() if pad_id is None else int((targets != pad_id).sum())
            loss = my.lm_loss(model, ids, targets, pad_id).item()
            nats, count, perplexities = nats + n * loss, count + n, perplexities + n * np.exp(loss)
    model.train(was_training)
    return nats / count, float(perplexities / count)


@misconception(
    "evaluate",
    "Your model is still in training mode while it is judged: with dropout it is examined half blind, and says "
    "something else each time. Which method switches dropout off?",
)
def dropout_stays_on(model, data, pad_id=None):
    nats, count = 0.0, 0
    with torch.no_grad():
        for ids, targets in data:
            n = targets.numel() if pad_id is None else int((targets != pad_id).sum())
            nats += n * my.lm_loss(model, ids, targets, pad_id).item()
            count += n
    return nats / count, float(np.exp(nats / count))


@misconception(
    "evaluate",
    "After your evaluation the model stays in evaluation mode: from then on it trains without dropout. In which mode "
    "did you find it?",
)
def leaves_it_resting(model, data, pad_id=None):
    model.eval()
    nats, count = 0.0, 0
    with torch.no_grad():
        for ids, targets in data:
            n = targets.numel() if pad_id is None else int((targets != pad_id).sum())
            nats += n * my.lm_loss(model, ids, targets, pad_id).item()
            count += n
    return nats / count, float(np.exp(nats / count))


@misconception(
    "evaluate",
    "You switch to training mode at the end, also where the model wasn't in it. How can you tell, at the beginning, "
    "which mode to come back to?",
)
def always_wakes_it(model, data, pad_id=None):
    model.eval()
    nats, count = 0.0, 0
    with torch.no_grad():
        for ids, targets in data:
            n = targets.numel() if pad_id is None else int((targets != pad_id).sum())
            nats += n * my.lm_loss(model, ids, targets, pad_id).item()
            count += n
    model.train()
    return nats / count, float(np.exp(nats / count))


@misconception(
    "evaluate",
    "The numbers are right, but gradients are recorded for every batch, which costs memory and time for nothing. What "
    "tells PyTorch not to?",
)
def records_gradients(model, data, pad_id=None):
    was_training = model.training
    model.eval()
    nats, count = 0.0, 0
    for ids, targets in data:
        n = targets.numel() if pad_id is None else int((targets != pad_id).sum())
        nats += n * my.lm_loss(model, ids, targets, pad_id).item()
        count += n
    model.train(was_training)
    return nats / count, float(np.exp(nats / count))


@misconception(
    "evaluate",
    "Each batch counts by its cells, PAD included: much padding, much weight. How many targets of a batch does its "
    "mean loss stand for?",
)
def counts_the_padding(model, data, pad_id=None):
    was_training = model.training
    model.eval()
    nats, count = 0.0, 0
    with torch.no_grad():
        for ids, targets in data:
            nats += targets.numel() * my.lm_loss(model, ids, targets, pad_id).item()
            count += targets.numel()
    model.train(was_training)
    return nats / count, float(np.exp(nats / count))


@misconception(
    "evaluate",
    "Your loss is right, your perplexity too small: you raise 2 to a loss that is in nats. Which base belongs to nats?",
)
def base_two(model, data, pad_id=None):
    was_training = model.training
    model.eval()
    nats, count = 0.0, 0
    with torch.no_grad():
        for ids, targets in data:
            n = targets.numel() if pad_id is None else int((targets != pad_id).sum())
            nats += n * my.lm_loss(model, ids, targets, pad_id).item()
            count += n
    model.train(was_training)
    return nats / count, 2.0 ** (nats / count)


# --- two_batches

two_batches_A = wrong_choice(
    "two_batches",
    "A",
    "You averaged the two perplexities, as if both batches had the same size and perplexities could be added. What "
    "does each batch cost in nats?",
    name="mean_of_two_perplexities",
)
two_batches_B = wrong_choice(
    "two_batches",
    "B",
    "You did weigh by the number of tokens, but it was perplexities that you weighed. Which quantity adds up over "
    "tokens?",
    name="weighted_mean_of_perplexities",
)
two_batches_C = wrong_choice(
    "two_batches",
    "C",
    "You averaged losses, which is right, but as if both batches had the same number of targets. Had they?",
    name="unweighted_mean_of_losses",
)


# --- save_checkpoint


weights_only = misconception(
    "save_checkpoint",
    "Only the weights are in your file: nobody can tell from it how far the run came or what AdamW remembered. What "
    "else does train need to go on?",
    change=(
        'unfinished = f"{path}.new"\n'
        'torch.save({"config": asdict(model.config), "model": weights, "state": state}, unfinished)\n'
        "os.replace(unfinished, path)",
        'torch.save({"config": asdict(model.config), "model": weights}, f"{path}.new")\n'
        'os.replace(f"{path}.new", path)',
    ),
)


@misconception(
    "save_checkpoint",
    "There is no config in your file: who finds it in a year sees matrices and has to guess the model around them. "
    "What is missing?",
)
def without_the_config(path, model, state):
    import os

    weights = {name: p.detach() for name, p in model.named_parameters()}
    torch.save({"model": weights, "state": state}, f"{path}.new")
    os.replace(f"{path}.new", path)


@misconception(
    "save_checkpoint",
    "You saved the model object itself: only a program that runs its code can open the file, and it refuses to. Of "
    "what should a checkpoint consist?",
)
def pickles_the_model(path, model, state):
    import os
    from dataclasses import asdict

    torch.save({"config": asdict(model.config), "model": model, "state": state}, f"{path}.new")
    os.replace(f"{path}.new", path)


@misconception(
    "save_checkpoint",
    "A tied weight is in your file under two names. Which of the two methods, state_dict or named_parameters, lists "
    "each parameter once?",
)
def tied_weights_twice(path, model, state):
    import os
    from dataclasses import asdict

    contents = {"config": asdict(model.config), "model": model.state_dict(), "state": state}
    torch.save(contents, f"{path}.new")
    os.replace(f"{path}.new", path)


@misconception(
    "save_checkpoint",
    "When writing fails half-way, the good checkpoint of before is gone: you were writing over it. Under which name "
    "should the new one grow?",
)
def writes_over_the_old_one(path, model, state):
    from dataclasses import asdict

    weights = {name: p.detach() for name, p in model.named_parameters()}
    with open(path, "wb") as file:
        torch.save({"config": asdict(model.config), "model": weights, "state": state}, file)


forgets_the_step = misconception(
    "save_checkpoint",
    "You keep AdamW's moments but not the number of steps. At which learning rate would the run go on?",
    change=(
        'unfinished = f"{path}.new"\n'
        'torch.save({"config": asdict(model.config), "model": weights, "state": state}, unfinished)\n'
        "os.replace(unfinished, path)",
        'contents = {"config": asdict(model.config), "model": weights, "state": {"step": 0, "adam": state["adam"]}}\n'
        'torch.save(contents, f"{path}.new")\n'
        'os.replace(f"{path}.new", path)',
    ),
)


@misconception(
    "save_checkpoint",
    "Your work is saved, and a second file is left beside it. os.replace moves a file: what did you do instead?",
)
def leaves_a_copy(path, model, state):
    import shutil
    from dataclasses import asdict

    weights = {name: p.detach() for name, p in model.named_parameters()}
    torch.save({"config": asdict(model.config), "model": weights, "state": state}, f"{path}.new")
    shutil.copyfile(f"{path}.new", path)


# --- load_checkpoint


@misconception(
    "load_checkpoint",
    "The model has the right shape, and random weights: what was saved never gets into it. Which line should copy it?",
)
def leaves_random_weights(path, device="cpu"):
    saved = torch.load(path, map_location=device, weights_only=True)
    model = my.TransformerLM(Config(**saved["config"])).to(device)
    return model.eval(), saved["state"]


a_fresh_state = misconception(
    "load_checkpoint",
    "A run would start over from your weights: the state that you return is a fresh one. Who remembers the step and "
    "AdamW's moments?",
    change=('saved["state"]', '{"step": 0, "adam": {}}'),
)


stays_in_training_mode = misconception(
    "load_checkpoint",
    "Your model is in training mode: with dropout, the same text gets other logits each time. In which mode was it to "
    "be?",
    change=(".eval(),", ","),
)


@misconception(
    "load_checkpoint",
    "It works for one shape only: you built the model that you have in mind, not the one that was saved. Where does "
    "the file say how many layers there are?",
)
def a_shape_of_its_own(path, device="cpu"):
    saved = torch.load(path, map_location=device, weights_only=True)
    known = {name: saved["config"][name] for name in ("vocab_size", "block_size", "dropout")}
    model = my.TransformerLM(Config(**known, d_model=8, n_heads=2, n_layers=1)).to(device)
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(saved["model"][name])
    return model.eval(), saved["state"]


only_the_model = misconception(
    "load_checkpoint",
    "Your function gives back the model alone. What does the docstring promise besides?",
    change=(', saved["state"]', ""),
)


@misconception(
    "load_checkpoint",
    "The loaded model can't be trained any further: its parameters don't ask for gradients any more. Which line of "
    "yours switched that off?",
)
def frozen(path, device="cpu"):
    saved = torch.load(path, map_location=device, weights_only=True)
    model = my.TransformerLM(Config(**saved["config"])).to(device).requires_grad_(False)
    for name, p in model.named_parameters():
        p.copy_(saved["model"][name])
    return model.eval(), saved["state"]


# --- micro_batches

micro_batches_A = wrong_choice(
    "micro_batches",
    "A",
    "If every token had the loss 2, the whole batch would have 2. What does your sum give then?",
    name="plain_sum",
)
micro_batches_B = wrong_choice(
    "micro_batches",
    "B",
    "In your sum a token of the small micro-batch weighs three times as much as one of the large. How many targets "
    "stand behind each mean?",
    name="plain_mean",
)
micro_batches_D = wrong_choice(
    "micro_batches",
    "D",
    "Your weights have the right ratio. But the sum over 40 tokens is forty times their mean: which of the two is the "
    "batch's loss?",
    name="sum_over_tokens",
)

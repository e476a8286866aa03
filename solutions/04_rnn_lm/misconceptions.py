"""Wrong answers that students give in unit 04_rnn_lm, each with the hint that it earns."""

import numpy as np
import torch
from torch import nn

from lecture_lib.mywork import saved_work
from lecture_lib.checking.bank import misconception, wrong_choice

my = saved_work("04_rnn_lm")


# --- rnn_step


@misconception(
    "rnn_step",
    "All your states are positive, between 0 and 1. Which squashing function has such a range, and which one "
    "does the formula ask for?",
)
def squashes_with_a_sigmoid(x, h, W_hx, W_hh, b_h):
    return torch.sigmoid(x @ W_hx.T + h @ W_hh.T + b_h)


@misconception(
    "rnn_step",
    "From a state of zeros you are right, from any other you aren't: W_hh is square, so it fits both ways "
    "round. If h is a row, which side of the formula has been turned?",
)
def memory_the_wrong_way_round(x, h, W_hx, W_hh, b_h):
    return torch.tanh(x @ W_hx.T + h @ W_hh + b_h)


@misconception(
    "rnn_step",
    "Your result is the same whatever the state was before. Which of the three terms is missing, and what "
    "would such a network remember?",
)
def remembers_nothing(x, h, W_hx, W_hh, b_h):
    return torch.tanh(x @ W_hx.T + b_h)


@misconception(
    "rnn_step",
    "An input of zeros and a state of zeros would give you zeros. Which term doesn't depend on either?",
)
def without_a_bias(x, h, W_hx, W_hh, b_h):
    return torch.tanh(x @ W_hx.T + h @ W_hh.T)


@misconception(
    "rnn_step",
    "Some of your numbers are larger than 1. Is everything inside the brackets of the tanh that belongs there?",
)
def adds_the_memory_outside(x, h, W_hx, W_hh, b_h):
    return torch.tanh(x @ W_hx.T + b_h) + h @ W_hh.T


@misconception(
    "rnn_step",
    "Huge inputs give huge states: nothing is squashed. What would repeat itself after a hundred such steps?",
)
def forgets_to_squash(x, h, W_hx, W_hh, b_h):
    return x @ W_hx.T + h @ W_hh.T + b_h


@misconception(
    "rnn_step",
    "The shapes clash unless inputs and states have the same width. x is (B, d_emb) and W_hx is (d_hidden, "
    "d_emb): which axes must meet in the middle?",
)
def does_not_turn_the_matrices(x, h, W_hx, W_hh, b_h):
    return torch.tanh(x @ W_hx + h @ W_hh + b_h)


@misconception(
    "rnn_step",
    "The numbers are right, and no gradient comes through: NumPy's functions keep no record of what they do. Whose "
    "tanh did you call?",
)
def leaves_torch(x, h, W_hx, W_hh, b_h):
    return torch.tensor(np.tanh((x @ W_hx.T + h @ W_hh.T + b_h).detach().numpy()))


# --- rnn_unroll


@misconception(
    "rnn_unroll",
    "Your first state is right, the later ones know nothing of the words before. What does each step start "
    "from, and who left it there?",
)
def always_from_the_start(X, h, W_hx, W_hh, b_h):
    states = []
    for t in range(X.shape[1]):
        after = my.rnn_step(X[:, t], h, W_hx, W_hh, b_h)
        states.append(after)
    return torch.stack(states, dim=1)


@misconception(
    "rnn_unroll",
    "From zeros all is right; from another state it isn't. What becomes of the h that your caller hands in?",
)
def starts_from_zeros(X, h, W_hx, W_hh, b_h):
    states = []
    for t in range(X.shape[1]):
        h = my.rnn_step(X[:, t], h if t else torch.zeros_like(h), W_hx, W_hh, b_h)
        states.append(h)
    return torch.stack(states, dim=1)


@misconception(
    "rnn_unroll",
    "The first sentence of a batch is right, the second begins with what the first one left behind. Is a "
    "row's neighbour above it its past?",
)
def leaks_from_row_to_row(X, h, W_hx, W_hh, b_h):
    rows = []
    state = h[:1]
    for b in range(X.shape[0]):
        states = []
        for t in range(X.shape[1]):
            state = my.rnn_step(X[b : b + 1, t], state, W_hx, W_hh, b_h)
            states.append(state)
        rows.append(torch.cat(states))
    return torch.stack(rows)


time_in_front = misconception(
    "rnn_unroll",
    "Your states have the shape (T, B, d_hidden). Where does stack put the time axis, and where does "
    "the docstring want it?",
    change=("torch.stack(states, dim=1)", "torch.stack(states, dim=0)"),
)

only_the_last_state = misconception(
    "rnn_unroll",
    "You return the last state alone. The head must make a prediction at every word: what would it read at the first?",
    change=("torch.stack(states, dim=1)", "h"),
)

cuts_the_way_back = misconception(
    "rnn_unroll",
    "The numbers are right, but the gradient stops after one step: earlier inputs get none. What does detach "
    "(or .data, or no_grad) do to the way back?",
    change=("my.rnn_step(X[:, t], h, W_hx, W_hh, b_h)", "my.rnn_step(X[:, t], h.detach(), W_hx, W_hh, b_h)"),
)

reads_backwards = misconception(
    "rnn_unroll",
    "You read the sentences from their end: the first state has seen the last word. In which order does your "
    "loop take the slices?",
    change=("X[:, t]", "X[:, -1 - t]"),
)


# --- polls


new_weights_for_each_step = wrong_choice(
    "longer_text",
    "A",
    "You give every step weights of its own. Which of the arguments of rnn_step would have to know how long "
    "the text is?",
    name="new_weights_for_each_step",
)


state_grows_with_the_text = wrong_choice(
    "longer_text",
    "C",
    "You let the state grow with the text. What would W_hh, which is (d_hidden, d_hidden), do with a state "
    "twice as long?",
    name="state_grows_with_the_text",
)


ends_at_the_training_length = wrong_choice(
    "longer_text",
    "D",
    "You think of the window of unit 03, or of positions that run out. Where in rnn_unroll is the length 20?",
    name="ends_at_the_training_length",
)


reads_its_own_guess = wrong_choice(
    "next_input",
    "A",
    "You feed the model its own guess. The loss then asks for the word after *the seal*: which text would it "
    "learn to continue?",
    name="reads_its_own_guess",
)


reads_its_own_draw = wrong_choice(
    "next_input",
    "C",
    "You feed the model its own draw. At the start of training it draws noise: how much would the next word "
    "have to do with that?",
    name="reads_its_own_draw",
)


breaks_off_after_a_mistake = wrong_choice(
    "next_input",
    "D",
    "You break off at a mistake. A new model is wrong nearly everywhere: how many sentences would it ever see "
    "to the end?",
    name="breaks_off_after_a_mistake",
)


one_step_only = wrong_choice(
    "how_far_back",
    "A",
    "You have counted one step. Between h_1 and h_51 lie fifty: what does the chain rule do with fifty factors?",
    name="one_step_only",
)


adds_the_factors = wrong_choice(
    "how_far_back",
    "C",
    "You have added the factors. Factors along one path are ... and those of several paths are ...?",
    name="adds_the_factors",
)


forgets_exactly = wrong_choice(
    "how_far_back",
    "D",
    "You say exactly 0. Is a product of fifty numbers zero if none of them is? (And why is it still so hard "
    "to learn from?)",
    name="forgets_exactly",
)


# --- make_batch


targets_not_shifted = misconception(
    "make_batch",
    "Your targets are your inputs: each position must predict the word that it has just read. What would a model "
    "learn from that, and which word should it predict?",
    change=("sequence[1:]", "sequence[:-1:]"),
)

shifted_backwards = misconception(
    "make_batch",
    "Inputs and targets have changed places: the target is the word before. Which of the two holds the "
    "beginning of the sentence, and which its end?",
    change=[("sequence[:-1]", "sequence[1:]"), ("sequence[1:]", "sequence[:-1:]")],
)

pads_on_the_left = misconception(
    "make_batch",
    "Your short sequences are at the right, with PAD before them. What would the state have read by the "
    "time the sentence begins?",
    change=[
        ("inputs[row, : len(sequence) - 1] =", "inputs[row, T + 1 - len(sequence) :] ="),
        ("targets[row, : len(sequence) - 1] =", "targets[row, T + 1 - len(sequence) :] ="),
    ],
)

always_pads_with_zero = misconception(
    "make_batch",
    "You fill up with 0, whatever pad_id is. For a loss that skips pad_id, what are your zeros?",
    change=[
        ("inputs = torch.full((len(sequences), T), pad_id)", "inputs = torch.full((len(sequences), T), 0)"),
        ("targets = torch.full((len(sequences), T), pad_id)", "targets = torch.full((len(sequences), T), 0)"),
    ],
)


@misconception(
    "make_batch",
    "Your batch is as wide as its shortest sequence; the rest of the longer ones is lost. What is PAD for?",
)
def cuts_to_the_shortest(sequences, pad_id):
    T = min(len(sequence) for sequence in sequences) - 1
    inputs = torch.full((len(sequences), T), pad_id)
    targets = torch.full((len(sequences), T), pad_id)
    for row, sequence in enumerate(sequences):
        inputs[row] = torch.tensor(sequence[:T])
        targets[row] = torch.tensor(sequence[1 : T + 1])
    return inputs, targets


a_column_too_many = misconception(
    "make_batch",
    "Your tables have one column too many: the last token is among the inputs, with PAD as its target. "
    "What comes after the end of a sentence, and is anything asked there?",
    change=("max(len(sequence) for sequence in sequences) - 1", "max(len(sequence) for sequence in sequences)"),
)


@misconception(
    "make_batch",
    "Past the end of a short sequence your targets keep repeating its last token. Which target says that nothing is "
    "predicted here?",
)
def repeats_the_end(sequences, pad_id):
    T = max(len(sequence) for sequence in sequences) - 1
    inputs = torch.full((len(sequences), T), pad_id)
    targets = torch.full((len(sequences), T), pad_id)
    for row, sequence in enumerate(sequences):
        inputs[row, : len(sequence) - 1] = torch.tensor(sequence[:-1])
        targets[row, : len(sequence) - 1] = torch.tensor(sequence[1:])
        targets[row, len(sequence) - 1 :] = sequence[-1]
    return inputs, targets


# --- RNNLM


@misconception(
    "RNNLM",
    "The same ids give other logits when they are read a second time: the state of the last text is still "
    "there. Where is it kept, and with what should a new text begin?",
)
class KeepsItsStateBetweenTexts(nn.Module):
    def __init__(self, vocab_size, d_emb, d_hidden):
        super().__init__()
        self.E = nn.Parameter(torch.randn(vocab_size, d_emb) / d_emb**0.5)
        self.W_hx = nn.Parameter(torch.randn(d_hidden, d_emb) / d_emb**0.5)
        self.W_hh = nn.Parameter(torch.randn(d_hidden, d_hidden) / d_hidden**0.5)
        self.b_h = nn.Parameter(torch.zeros(d_hidden))
        self.out = nn.Linear(d_hidden, vocab_size)

    def forward(self, ids, state=None):
        X = my.embed(self.E, ids)
        if state is None:
            state = getattr(self, "last", None)
        if state is None or len(state) != len(ids):
            state = X.new_zeros(len(ids), len(self.W_hh))
        H = my.rnn_unroll(X, state, self.W_hx, self.W_hh, self.b_h)
        self.last = H[:, -1].detach()
        return self.out(H), H[:, -1]


AlwaysStartsAnew = misconception(
    "RNNLM",
    "Read in one go a text is right, read in two pieces it isn't: the second piece starts from nothing. What "
    "does the caller hand you as state?",
    change=(
        "if state is None:\n    state = X.new_zeros(len(ids), len(self.W_hh))",
        "state = X.new_zeros(len(ids), len(self.W_hh))",
    ),
)


@misconception(
    "RNNLM",
    "Your first logits are right, the later ones follow your model's own guesses instead of the ids. In "
    "teacher forcing, which word does position 2 read?",
)
class ReadsItsOwnGuesses(nn.Module):
    def __init__(self, vocab_size, d_emb, d_hidden):
        super().__init__()
        self.E = nn.Parameter(torch.randn(vocab_size, d_emb) / d_emb**0.5)
        self.W_hx = nn.Parameter(torch.randn(d_hidden, d_emb) / d_emb**0.5)
        self.W_hh = nn.Parameter(torch.randn(d_hidden, d_hidden) / d_hidden**0.5)
        self.b_h = nn.Parameter(torch.zeros(d_hidden))
        self.out = nn.Linear(d_hidden, vocab_size)

    def forward(self, ids, state=None):
        h = self.E.new_zeros(len(ids), len(self.W_hh)) if state is None else state
        read, logits = ids[:, 0], []
        for _ in range(ids.shape[1]):
            h = my.rnn_step(my.embed(self.E, read), h, self.W_hx, self.W_hh, self.b_h)
            logits.append(self.out(h))
            read = logits[-1].argmax(dim=-1)
        return torch.stack(logits, dim=1), h


SoftmaxTooEarly = misconception(
    "RNNLM",
    "Your logits lie between 0 and 1 and sum to 1: they are probabilities already. Who takes the softmax, and "
    "what happens if it is taken twice?",
    change=("self.out(H)", "torch.softmax(self.out(H), dim=-1)"),
)

OnlyTheLastLogits = misconception(
    "RNNLM",
    "You return the logits of the last position only. In training, how many of the T positions are asked for "
    "their next word?",
    change=("self.out(H)", "self.out(H[:, -1])"),
)

ReturnsAllStates = misconception(
    "RNNLM",
    "Your logits are right, but you return the states of all positions. From which one will the text continue?",
    change=("H[:, -1]", "H"),
)


@misconception(
    "RNNLM",
    "One sequence alone is right; in a batch each continues where the one above it ended. How many memories "
    "does a batch of B texts need?",
)
class OneStateForTheBatch(nn.Module):
    def __init__(self, vocab_size, d_emb, d_hidden):
        super().__init__()
        self.E = nn.Parameter(torch.randn(vocab_size, d_emb) / d_emb**0.5)
        self.W_hx = nn.Parameter(torch.randn(d_hidden, d_emb) / d_emb**0.5)
        self.W_hh = nn.Parameter(torch.randn(d_hidden, d_hidden) / d_hidden**0.5)
        self.b_h = nn.Parameter(torch.zeros(d_hidden))
        self.out = nn.Linear(d_hidden, vocab_size)

    def forward(self, ids, state=None):
        X = my.embed(self.E, ids)
        h = X.new_zeros(1, len(self.W_hh)) if state is None else state[:1]
        rows = []
        for b in range(len(ids)):
            H = my.rnn_unroll(X[b : b + 1], h, self.W_hx, self.W_hh, self.b_h)
            h = H[:, -1]
            rows.append(H)
        H = torch.cat(rows)
        return self.out(H), H[:, -1]


StartsInFloat32 = misconception(
    "RNNLM",
    "In float32 all is well, in float64 your function stops: the zeros that you make are float32, whatever the model "
    "is (and they stay behind on the CPU when it moves to a GPU). Which tensor can make zeros of its own kind?",
    change=("X.new_zeros", "torch.zeros"),
)


# --- sequence_loss


@misconception(
    "sequence_loss",
    "Without padding you are right, with it you aren't: PAD is being predicted, and counted like a word. "
    "Which places should be left out before the mean?",
)
def counts_the_padding(logits, targets, pad_id):
    log_probs = torch.log_softmax(logits, dim=-1).gather(-1, targets[..., None]).squeeze(-1)
    return -log_probs.mean()


@misconception(
    "sequence_loss",
    "The padding costs nothing in your sum, and yet it lowers your mean. By how many do you divide, and how "
    "many targets are real?",
)
def divides_by_all_places(logits, targets, pad_id):
    log_probs = torch.log_softmax(logits, dim=-1).gather(-1, targets[..., None]).squeeze(-1)
    return -(log_probs * (targets != pad_id)).sum() / targets.numel()


@misconception(
    "sequence_loss",
    "Your short sentences weigh as much as long ones: you take the mean of each row, then the mean of the "
    "rows. What is to count alike, sentences or tokens?",
)
def mean_of_the_means(logits, targets, pad_id):
    log_probs = torch.log_softmax(logits, dim=-1).gather(-1, targets[..., None]).squeeze(-1)
    real = targets != pad_id
    return -((log_probs * real).sum(dim=1) / real.sum(dim=1)).mean()


sums_up = misconception(
    "sequence_loss",
    "One token alone is right; more tokens give a loss that grows with their number. Sum or mean?",
    change=("of_targets[real].mean", "of_targets[real].sum"),
)

softmax_over_time = misconception(
    "sequence_loss",
    "Your softmax runs along the sentence, so that the positions compete with each other. Which axis holds "
    "the candidates for one place?",
    change=("torch.log_softmax(logits, dim=-1)", "torch.log_softmax(logits, dim=1)"),
)

no_logarithm = misconception(
    "sequence_loss",
    "Your loss is negative, between -1 and 0: a mean of probabilities. Which function makes a surprise out of "
    "a probability?",
    change=("torch.log_softmax", "torch.softmax"),
)

logarithm_of_zero = misconception(
    "sequence_loss",
    "For huge logits your loss is infinite or NaN: a probability has become exactly 0 before its logarithm "
    "was taken. Which function takes both at once?",
    change=[("torch.log_softmax", "torch.softmax"), ("of_targets[real]", "of_targets[real].log()")],
)

in_bits = misconception(
    "sequence_loss",
    "Your losses are too large by the factor 1.44: those are bits. Which logarithm measures in nats?",
    change=("of_targets[real].mean()", "of_targets[real].mean() / torch.log(torch.tensor(2.0, dtype=logits.dtype))"),
)

cut_off_from_the_logits = misconception(
    "sequence_loss",
    "The value is right, but no gradient comes back: the loss is cut off from the logits. What do item(), "
    "float() and detach() return?",
    change=("of_targets[real].mean()", "of_targets[real].mean().detach()"),
)


# --- clip_gradients


clips_by_value = misconception(
    "clip_gradients",
    "You cut each number down by itself: the large ones shrink, the small ones stay, and the gradient points "
    "another way. By which one factor should all shrink?",
    change=("g *= max_norm / norm", "g.clamp_(-max_norm, max_norm)"),
)


@misconception(
    "clip_gradients",
    "One parameter is right; of several, each is measured by itself. How long is the vector that all of them "
    "make together?",
)
def each_parameter_by_itself(params, max_norm):
    grads = [p.grad for p in params if p.grad is not None]
    norm = sum(float((g.float() ** 2).sum()) for g in grads) ** 0.5
    for g in grads:
        if g.norm() > max_norm:
            g *= max_norm / g.norm()
    return norm


@misconception(
    "clip_gradients",
    "A gradient that was short enough comes out longer. When may its length change at all?",
)
def stretches_short_ones(params, max_norm):
    grads = [p.grad for p in params if p.grad is not None]
    norm = sum(float((g.float() ** 2).sum()) for g in grads) ** 0.5
    for g in grads:
        g *= max_norm / norm
    return norm


returns_the_norm_after = misconception(
    "clip_gradients",
    "The gradients are right, the number you return isn't: it is never above max_norm. Which norm tells you "
    "whether something exploded?",
    change=("return norm", "return min(norm, max_norm)"),
)

without_the_root = misconception(
    "clip_gradients",
    "Your norm is that of a vector of squares: the root is missing. What is the length of (3, 4)?",
    change=[("(g.float() ** 2).sum()", "(g**2).sum()"), (" ** 0.5", "")],
)

adds_absolute_values = misconception(
    "clip_gradients",
    "Your norm adds up absolute values: (3, 4) would have the length 7. Which theorem gives 5?",
    change=[("(g.float() ** 2).sum()", "g.abs().sum()"), (" ** 0.5", "")],
)


@misconception(
    "clip_gradients",
    "With a list you are right; from a generator the norm comes back, and nothing is clipped. How often can a "
    "generator be gone through?",
)
def asks_a_generator_twice(params, max_norm):
    norm = sum(float((p.grad**2).sum()) for p in params if p.grad is not None) ** 0.5
    if norm > max_norm:
        for p in params:
            if p.grad is not None:
                p.grad *= max_norm / norm
    return norm


changes_a_copy = misconception(
    "clip_gradients",
    "The norm is right, but all gradients are as long as before. Does g * 0.5 change g, or make something new "
    "that nobody keeps?",
    change=("g *= max_norm / norm", "pass"),
)


# --- lstm_step


@misconception(
    "lstm_step",
    "Your blocks are taken in the order i, f, o, g: the message and the output door have changed places. "
    "Which order does the docstring give?",
)
def output_before_cell(x, state, W_hx, W_hh, b_h):
    h, c = state
    i, f, o, g = (x @ W_hx.T + h @ W_hh.T + b_h).chunk(4, dim=-1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    return h, c


@misconception(
    "lstm_step",
    "Your first two blocks have changed places: what should write forgets. Which of i and f comes first in PyTorch?",
)
def forget_before_input(x, state, W_hx, W_hh, b_h):
    h, c = state
    f, i, g, o = (x @ W_hx.T + h @ W_hh.T + b_h).chunk(4, dim=-1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    return h, c


forget_gate_with_tanh = misconception(
    "lstm_step",
    "Your forget gate can be negative, so that a kept number changes its sign. Between which bounds must a door move?",
    change=("torch.sigmoid(f)", "torch.tanh(f)"),
)

message_with_sigmoid = misconception(
    "lstm_step",
    "Your cells can only grow: what you write is never negative. Which of the four is no door but a message, "
    "and how is it squashed?",
    change=("torch.tanh(g)", "torch.sigmoid(g)"),
)

cell_and_state_exchanged = misconception(
    "lstm_step",
    "Your pair is (c, h): the two have changed places. Which of them does the docstring name first?",
    change=("return h, c", "return c, h"),
)

shows_the_old_cell = misconception(
    "lstm_step",
    "Your cell is right; the state that you show was made from the cell before the step. Which c does the "
    "formula for h mean?",
    change=[("c = torch", "c_new = torch"), ("return h, c", "return h, c_new")],
)

shows_the_raw_cell = misconception(
    "lstm_step",
    "With a full cell your h exceeds 1. What is done to the cell before the output door?",
    change=("torch.tanh(c)", "c"),
)

writes_without_a_door = misconception(
    "lstm_step",
    "Everything is written into your cell in full. Which door decides how much of the message goes in?",
    change=(" torch.sigmoid(i) *", ""),
)

never_forgets = misconception(
    "lstm_step",
    "Your old cell is always kept in full. Which door guards it?",
    change=(" torch.sigmoid(f) *", ""),
)


# --- LSTMLM


ForgetDoorsHalfShut = misconception(
    "LSTMLM",
    "Your model computes rightly, but its b_h starts at 0 everywhere. How much of a cell is left after ten "
    "steps through doors that are half open?",
    change=(
        "start = torch.zeros(4 * d_hidden)\nstart[d_hidden : 2 * d_hidden] = 1.0\nself.b_h = nn.Parameter(start)",
        "self.b_h = nn.Parameter(torch.zeros(4 * d_hidden))",
    ),
)

OpensAnotherDoor = misconception(
    "LSTMLM",
    "Your ones are in the first quarter of b_h. Whose door is that, in the order i, f, g, o?",
    change=("d_hidden : 2 * d_hidden", ":d_hidden"),
)

OpensAllDoors = misconception(
    "LSTMLM",
    "Your b_h is 1 from end to end. Which of its four blocks should be, and which should not?",
    change=("nn.Parameter(start)", "nn.Parameter(torch.ones(4 * d_hidden))"),
)

ShowsTheCell = misconception(
    "LSTMLM",
    "Your head reads the cells. Which of the two states is meant for the outside?",
    change=("state[0]", "state[1]"),
)


@misconception(
    "LSTMLM",
    "Read in one go a text is right, but what you hand on is h alone. With what would the next piece fill its cells?",
)
class LosesTheCell(nn.Module):
    def __init__(self, vocab_size, d_emb, d_hidden):
        super().__init__()
        self.E = nn.Parameter(torch.randn(vocab_size, d_emb) / d_emb**0.5)
        self.W_hx = nn.Parameter(torch.randn(4 * d_hidden, d_emb) / d_emb**0.5)
        self.W_hh = nn.Parameter(torch.randn(4 * d_hidden, d_hidden) / d_hidden**0.5)
        self.b_h = nn.Parameter(torch.zeros(4 * d_hidden))
        self.b_h.data[d_hidden : 2 * d_hidden] = 1.0
        self.out = nn.Linear(d_hidden, vocab_size)

    def forward(self, ids, state=None):
        X = my.embed(self.E, ids)
        if state is None:
            state = X.new_zeros(len(ids), self.W_hh.shape[1])
        state = (state, torch.zeros_like(state))
        states = []
        for t in range(X.shape[1]):
            state = my.lstm_step(X[:, t], state, self.W_hx, self.W_hh, self.b_h)
            states.append(state[0])
        return self.out(torch.stack(states, dim=1)), state[0]


EmptiesTheCellAtEachStep = misconception(
    "LSTMLM",
    "The first position is right, and then every cell is empty again. What is handed to lstm_step as the old c?",
    change=("X[:, t], state", "X[:, t], (state[0], torch.zeros_like(state[1]))"),
)


@misconception(
    "LSTMLM",
    "The same ids give other logits the second time: your module keeps the pair in itself. What should be in "
    "the cells when a new text begins?",
)
class RemembersTheTextBefore(nn.Module):
    def __init__(self, vocab_size, d_emb, d_hidden):
        super().__init__()
        self.E = nn.Parameter(torch.randn(vocab_size, d_emb) / d_emb**0.5)
        self.W_hx = nn.Parameter(torch.randn(4 * d_hidden, d_emb) / d_emb**0.5)
        self.W_hh = nn.Parameter(torch.randn(4 * d_hidden, d_hidden) / d_hidden**0.5)
        self.b_h = nn.Parameter(torch.zeros(4 * d_hidden))
        self.b_h.data[d_hidden : 2 * d_hidden] = 1.0
        self.out = nn.Linear(d_hidden, vocab_size)

    def forward(self, ids, state=None):
        X = my.embed(self.E, ids)
        if state is None and getattr(self, "last", None) is not None and len(self.last[0]) == len(ids):
            state = self.last
        if state is None:
            state = (X.new_zeros(len(ids), self.W_hh.shape[1]), X.new_zeros(len(ids), self.W_hh.shape[1]))
        states = []
        for t in range(X.shape[1]):
            state = my.lstm_step(X[:, t], state, self.W_hx, self.W_hh, self.b_h)
            states.append(state[0])
        self.last = tuple(part.detach() for part in state)
        return self.out(torch.stack(states, dim=1)), state


@misconception(
    "LSTMLM",
    "You begin every call with zeros, even when a pair is passed in. How can a text continue from its first half?",
)
class IgnoresTheStateGiven(nn.Module):
    def __init__(self, vocab_size, d_emb, d_hidden):
        super().__init__()
        self.E = nn.Parameter(torch.randn(vocab_size, d_emb) / d_emb**0.5)
        self.W_hx = nn.Parameter(torch.randn(4 * d_hidden, d_emb) / d_emb**0.5)
        self.W_hh = nn.Parameter(torch.randn(4 * d_hidden, d_hidden) / d_hidden**0.5)
        self.b_h = nn.Parameter(torch.zeros(4 * d_hidden))
        self.b_h.data[d_hidden : 2 * d_hidden] = 1.0
        self.out = nn.Linear(d_hidden, vocab_size)

    def forward(self, ids, state=None):
        X = my.embed(self.E, ids)
        state = (X.new_zeros(len(ids), self.W_hh.shape[1]), X.new_zeros(len(ids), self.W_hh.shape[1]))
        states = []
        for t in range(X.shape[1]):
            state = my.lstm_step(X[:, t], state, self.W_hx, self.W_hh, self.b_h)
            states.append(state[0])
        return self.out(torch.stack(states, dim=1)), state


@misconception(
    "LSTMLM",
    "In float32 all is well, in float64 your model stops: the zeros that you make are float32, whatever the model is "
    "(and they stay behind on the CPU when it moves to a GPU). What did your RNNLM start from?",
)
class StartsTheCellInFloat32(nn.Module):
    def __init__(self, vocab_size, d_emb, d_hidden):
        super().__init__()
        self.E = nn.Parameter(torch.randn(vocab_size, d_emb) / d_emb**0.5)
        self.W_hx = nn.Parameter(torch.randn(4 * d_hidden, d_emb) / d_emb**0.5)
        self.W_hh = nn.Parameter(torch.randn(4 * d_hidden, d_hidden) / d_hidden**0.5)
        self.b_h = nn.Parameter(torch.cat([torch.full((d_hidden,), float(k == 1)) for k in range(4)]))
        self.out = nn.Linear(d_hidden, vocab_size)

    def forward(self, ids, state=None):
        X, states = my.embed(self.E, ids), []
        if state is None:
            state = (torch.zeros(len(ids), self.W_hh.shape[1]), torch.zeros(len(ids), self.W_hh.shape[1]))
        for t in range(X.shape[1]):
            state = my.lstm_step(X[:, t], state, self.W_hx, self.W_hh, self.b_h)
            states.append(state[0])
        return self.out(torch.stack(states, dim=1)), state


# --- tag


knows_all_words = misconception(
    "tag",
    "A word that you have never seen ends in a KeyError. Which id represents all of them?",
    change=('word_ids.get(word, word_ids["<unk>"])', "word_ids[word]"),
)

asks_each_tag_for_its_word = misconception(
    "tag",
    "You return as many answers as there are tags: for each tag you have looked for the word that suits it "
    "best. Over which axis should the largest be looked for?",
    change=[("tags[i]", "tags[i % len(tags)]"), ("logits[0].argmax(dim=-1)", "logits[0].argmax(dim=0)")],
)

numbers_for_names = misconception(
    "tag",
    "You return numbers. Where are their names?",
    change=("[tags[i] for i in logits[0].argmax(dim=-1)]", "logits[0].argmax(dim=-1).tolist()"),
)


@misconception(
    "tag",
    "Each of your words is tagged as if it were alone: the first is right, the others have lost what came "
    "before. How many sentences do you show the model?",
)
def each_word_alone(sentence, model, word_ids, tags):
    ids = [word_ids.get(word, word_ids["<unk>"]) for word in sentence]
    return [tags[int(model(torch.tensor([[i]]))[0][0, -1].argmax())] for i in ids]


@misconception(
    "tag",
    "Your tags have slipped by one: each word has its neighbour's. A language model answers about the next "
    "word; about which does a tagger?",
)
def slips_by_one(sentence, model, word_ids, tags):
    ids = [word_ids.get(word, word_ids["<unk>"]) for word in sentence]
    logits, _ = model(torch.tensor([ids]))
    found = [tags[i] for i in logits[0].argmax(dim=-1)]
    return found[1:] + found[:1]


only_the_last_word = misconception(
    "tag",
    "You return one tag, that of the last word. How many answers does the model give for a sentence of T words?",
    change=("[tags[i] for i in logits[0].argmax(dim=-1)]", "[tags[int(logits[0, -1].argmax(dim=-1))]]"),
)

skips_strange_words = misconception(
    "tag",
    "You leave out the words that you don't know, and the answer is too short. Does a strange word still have "
    "a kind, and a place in the sentence?",
    change=("sentence", "sentence if word in word_ids"),
)


# --- generate


always_the_likeliest = misconception(
    "generate",
    "Your text is the same for every generator: you always take the likeliest token. What does the docstring "
    "do with the probabilities?",
    change=("rng.choice(len(probs), p=probs / probs.sum())", "probs.argmax()"),
)

forgets_at_every_step = misconception(
    "generate",
    "Your first token is right; from then on the model is given one token and no memory. What did it return "
    "besides the logits?",
    change=("logits, state = model(torch.tensor([unread]), state)", "logits, _ = model(torch.tensor([unread]), state)"),
)

reads_everything_twice = misconception(
    "generate",
    "You show the whole text at each step, and hand over a state that has read it already. How often has the "
    "model read the prompt by the third step?",
    change=("text[-1:]", "list(text)"),
)

starts_from_the_beginning = misconception(
    "generate",
    "The text is right, but at every step the model reads all of it again. What is the state for?",
    change=[
        ("model(torch.tensor([unread]), state)", "model(torch.tensor([unread]), None)"),
        ("text[-1:]", "list(text)"),
    ],
)

skips_the_prompt = misconception(
    "generate",
    "Only the last token of the prompt is read. What does the state know of the others?",
    change=("list(prompt_ids), list(prompt_ids), None", "list(prompt_ids), list(prompt_ids[-1:]), None"),
)

never_stops = misconception(
    "generate",
    "You continue after the stop token. Which line looks at what has just been drawn?",
    change=("if text[-1] == stop_id:\n    break", "pass"),
)

returns_the_new_part_only = misconception(
    "generate",
    "What you return begins after the prompt. What does the docstring promise?",
    change=("return text", "return text[len(prompt_ids) :]"),
)

counts_the_prompt = misconception(
    "generate",
    "Your text is too short: by as many tokens as the prompt has. What does max_tokens count?",
    change=("range(max_tokens)", "range(max_tokens - len(prompt_ids))"),
)

throws_fair_dice = misconception(
    "generate",
    "Your tokens come equally often, whatever the model says. Where do its probabilities enter the draw?",
    change=("rng.choice(len(probs), p=probs / probs.sum())", "rng.choice(len(probs))"),
)

another_source_of_chance = misconception(
    "generate",
    "All is right, but the text doesn't depend on rng: with an equal generator it is another. Whose chance did you "
    "use, and which were you given?",
    change=(
        "probs = torch.softmax(logits[0, -1].double(), dim=-1).numpy()\n"
        "text.append(int(rng.choice(len(probs), p=probs / probs.sum())))",
        "text.append(int(torch.multinomial(torch.softmax(logits[0, -1].double(), dim=-1), 1)))",
    ),
)

"""Wrong answers that students give in unit 12_encoders_seq2seq, each with the hint that it earns."""

import torch
from torch import nn

from lecture_lib.mywork import saved_work
from lecture_lib.checking.bank import misconception, wrong_choice

my = saved_work("12_encoders_seq2seq")


# --- polls

not_itself = wrong_choice(
    "who_sees_what",
    "A",
    "You hide each token from itself. Look at the diagonal of the causal mask of unit 05: what is there, and what "
    "would the very first token look at otherwise?",
    name="no_token_sees_itself",
)
source_up_to_here = wrong_choice(
    "who_sees_what",
    "B",
    "You let the source be hidden in step with the target. A verb may come at the end in one language and at the "
    "beginning of the other: when the translator begins to write, how much of the source has it been given?",
    name="source_has_a_future",
)
target_all_at_once = wrong_choice(
    "who_sees_what",
    "D",
    "You let the translator look at all six words of its own text. At place 3, while it is writing: where do the "
    "words 4, 5 and 6 come from?",
    name="translator_sees_its_future",
)
keeps_for_ease = wrong_choice(
    "why_keep_some",
    "A",
    "You think of a present to the model. But it isn't told which of the words are the easy ones: if it sees *whale* "
    "at a place that is asked about, can it be sure of *whale*?",
    name="an_easy_question",
)
keeps_to_save_work = wrong_choice(
    "why_keep_some",
    "C",
    "You count fewer terms in the loss. Take your own `mask_tokens`: is the target of a word that stays as it is -100?",
    name="fewer_terms",
)
keeps_to_copy = wrong_choice(
    "why_keep_some",
    "D",
    "You want the head to copy. Copying would be rewarded if every visible word were right. One chosen word in ten is "
    "replaced by a random one: what would a copying head say there?",
    name="learns_to_copy",
)
all_states_anyway = wrong_choice(
    "bottleneck",
    "A",
    "You count all states of the reader in both cases. Go to the line where the plain writer starts: how many of them "
    "are handed over there?",
    name="all_states_handed_over",
)
context_is_one_vector = wrong_choice(
    "bottleneck",
    "B",
    "A context is one vector, that's true; but there is a new one before each word written. Of how many vectors is it "
    "mixed, and are the shares the same each time?",
    name="context_counted_once",
)
state_grows = wrong_choice(
    "bottleneck",
    "C",
    "You let the state grow with the text. In unit 04 you wrote `h` down after each step: did its shape change from "
    "the fifth word to the fiftieth?",
    name="state_grows_with_the_text",
)
always_its_own_guess = wrong_choice(
    "teacher_forcing",
    "B",
    "You describe the model at work. While it learns, all places of a target are computed at once: which input does "
    "`shift_right` prepare, and does it know the model's guesses?",
    name="own_guess_in_training",
)
always_the_right_word = wrong_choice(
    "teacher_forcing",
    "C",
    "You describe the lesson, for both. When somebody asks for a translation that nobody has written yet, who would "
    "hand the decoder the right word?",
    name="right_word_in_use",
)
stops_at_a_mistake = wrong_choice(
    "teacher_forcing",
    "D",
    "You let training break off at a mistake. An untrained model is wrong at place 1 already: from how many places "
    "would it ever learn? Which targets does the loss leave out?",
    name="loss_ends_at_a_mistake",
)


# --- EncoderBlock


@misconception(
    "EncoderBlock",
    "Your first word hears nothing of the others, whatever comes after it. Which argument of the attention, or of "
    "the block of unit 08 if you took that over, has made it deaf?",
)
class StillCausal(my.PreLNBlock):
    def __init__(self, d_model, n_heads, d_ff):
        super().__init__(d_model, n_heads, d_ff)


@misconception(
    "EncoderBlock",
    "With padding masked you get the same numbers as without: every word has listened to the PADs too. Which part of "
    "your block hears of the mask?",
)
class ForgetsTheMask(my.PreLNBlock):
    def __init__(self, d_model, n_heads, d_ff):
        super().__init__(d_model, n_heads, d_ff, causal=False)

    def forward(self, x, mask=None):
        return super().forward(x)


@misconception(
    "EncoderBlock",
    "Your rows come out normalised, the whole stream with them. Which of the two orders of unit 08 leaves the stream "
    "alone?",
)
class PostLN(my.PostLNBlock):
    def __init__(self, d_model, n_heads, d_ff):
        super().__init__(d_model, n_heads, d_ff, causal=False)


@misconception(
    "EncoderBlock",
    "You read once from the left and once from the right, and add the two up, as two RNNs would have to. Give it a "
    "single word: how often does it count? What does attention see if nothing at all is hidden?",
)
class TwoDirectionsAdded(my.PreLNBlock):
    def __init__(self, d_model, n_heads, d_ff):
        super().__init__(d_model, n_heads, d_ff, causal=True)

    def forward(self, x, mask=None):
        backward = None if mask is None else mask.flip(-1)
        return super().forward(x, mask) + super().forward(x.flip(1), backward).flip(1)


@misconception(
    "EncoderBlock",
    "With padding, your PADs hear nobody, and everybody still hears the PADs. Rows of the scores ask, columns are "
    "asked: which of the two should a PAD never be, and which axis of your mask runs over it?",
)
class MaskTurnedRound(my.PreLNBlock):
    def __init__(self, d_model, n_heads, d_ff):
        super().__init__(d_model, n_heads, d_ff, causal=False)

    def forward(self, x, mask=None):
        return super().forward(x, None if mask is None else mask.swapaxes(-1, -2))


@misconception(
    "EncoderBlock",
    "Attention and feed-forward have both read the stream as it came in: what a word has just heard never reaches its "
    "feed-forward. Whose norm should the second step take?",
)
class BothReadTheInput(my.PreLNBlock):
    def __init__(self, d_model, n_heads, d_ff):
        super().__init__(d_model, n_heads, d_ff, causal=False)

    def forward(self, x, mask=None):
        heard = self.attention(self.norm_1(x), mask)
        return x + heard + self.ff_out(torch.relu(self.ff_in(self.norm_2(x))))


# --- mask_tokens


@misconception(
    "mask_tokens",
    "Wherever you ask a question, your input shows the mask, every time. Throw a second die for the chosen: what "
    "becomes of the last fifth of them?",
)
def always_the_mask(ids, rng, mask_id, vocab_size, rate=0.15):
    chosen = torch.from_numpy(rng.random(tuple(ids.shape)) < rate)
    return torch.where(chosen, mask_id, ids), torch.where(chosen, ids, -100)


@misconception(
    "mask_tokens",
    "You have no target of -100: the model is graded on every word, most of which it can simply copy. Where may the "
    "loss look?",
)
def asks_about_every_word(ids, rng, mask_id, vocab_size, rate=0.15):
    chosen, fate = (torch.from_numpy(rng.random(tuple(ids.shape))) for _ in range(2))
    chosen, others = chosen < rate, torch.from_numpy(rng.integers(vocab_size, size=tuple(ids.shape)))
    inputs = torch.where(chosen & (fate < 0.8), mask_id, ids)
    inputs = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), others, inputs)
    return inputs, ids.clone()


@misconception(
    "mask_tokens",
    "Most of your targets are the mask itself: the model would learn to say what it sees. At what moment, before or "
    "after the words were hidden, did you write the answers down?",
)
def answers_hidden_too(ids, rng, mask_id, vocab_size, rate=0.15):
    chosen, fate = (torch.from_numpy(rng.random(tuple(ids.shape))) for _ in range(2))
    chosen, others = chosen < rate, torch.from_numpy(rng.integers(vocab_size, size=tuple(ids.shape)))
    inputs = torch.where(chosen & (fate < 0.8), mask_id, ids)
    inputs = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), others, inputs)
    return inputs, torch.where(chosen, inputs, -100)


@misconception(
    "mask_tokens",
    "Your -100 is exactly where something was chosen, and everything else is asked. What does a loss do with a "
    "target of -100?",
)
def ignores_the_chosen(ids, rng, mask_id, vocab_size, rate=0.15):
    chosen, fate = (torch.from_numpy(rng.random(tuple(ids.shape))) for _ in range(2))
    chosen, others = chosen < rate, torch.from_numpy(rng.integers(vocab_size, size=tuple(ids.shape)))
    inputs = torch.where(chosen & (fate < 0.8), mask_id, ids)
    inputs = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), others, inputs)
    return inputs, torch.where(chosen, -100, ids)


@misconception(
    "mask_tokens",
    "Among your chosen words hardly one is shown as it is: you ask only where the input has changed. A model would "
    "soon notice that. How should it know that a word which looks right may be asked about, too?",
)
def asks_only_where_changed(ids, rng, mask_id, vocab_size, rate=0.15):
    chosen, fate = (torch.from_numpy(rng.random(tuple(ids.shape))) for _ in range(2))
    chosen, others = chosen < rate, torch.from_numpy(rng.integers(vocab_size, size=tuple(ids.shape)))
    inputs = torch.where(chosen & (fate < 0.8), mask_id, ids)
    inputs = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), others, inputs)
    return inputs, torch.where(inputs != ids, ids, -100)


@misconception(
    "mask_tokens",
    "All the wrong words in your inputs are one and the same. How many random ids do you draw for a whole batch?",
)
def one_word_for_all(ids, rng, mask_id, vocab_size, rate=0.15):
    chosen, fate = (torch.from_numpy(rng.random(tuple(ids.shape))) for _ in range(2))
    chosen, other = chosen < rate, int(rng.integers(vocab_size))
    inputs = torch.where(chosen & (fate < 0.8), mask_id, ids)
    inputs = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), other, inputs)
    return inputs, torch.where(chosen, ids, -100)


@misconception(
    "mask_tokens",
    "In your batch the same columns are chosen in every sentence. What shape is what you draw, and which shape "
    "has the batch?",
)
def same_places_in_every_row(ids, rng, mask_id, vocab_size, rate=0.15):
    chosen = torch.from_numpy(rng.random(ids.shape[1]) < rate).expand(ids.shape)
    fate = torch.from_numpy(rng.random(tuple(ids.shape)))
    others = torch.from_numpy(rng.integers(vocab_size, size=tuple(ids.shape)))
    inputs = torch.where(chosen & (fate < 0.8), mask_id, ids)
    inputs = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), others, inputs)
    return inputs, torch.where(chosen, ids, -100)


@misconception(
    "mask_tokens",
    "After your call the caller's own ids have masks in them: in the next epoch nobody knows the words any more. On "
    "what do you write?",
)
def writes_into_the_text(ids, rng, mask_id, vocab_size, rate=0.15):
    chosen, fate = (torch.from_numpy(rng.random(tuple(ids.shape))) for _ in range(2))
    chosen, others = chosen < rate, torch.from_numpy(rng.integers(vocab_size, size=tuple(ids.shape)))
    targets = torch.where(chosen, ids, -100)
    ids[chosen & (fate < 0.8)] = mask_id
    swapped = chosen & (fate >= 0.8) & (fate < 0.9)
    ids[swapped] = others[swapped]
    return ids, targets


# --- MaskedLM


@misconception(
    "MaskedLM",
    "Change a later word, and your earlier logits stay as they are: this is unit 09's model under another name. Which "
    "blocks have you stacked?",
)
class CausalBlocks(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embeddings = my.Embeddings(config.vocab_size, config.block_size, config.d_model)
        shape = config.d_model, config.n_heads, config.d_ff
        self.blocks = nn.ModuleList([my.PreLNBlock(*shape) for _ in range(config.n_layers)])
        self.norm = nn.LayerNorm(config.d_model)
        self.head = my.LMHead(self.embeddings)

    def encode(self, ids):
        mask, x = None, self.embeddings(ids)
        if self.config.pad_id is not None:
            mask = torch.where(ids == self.config.pad_id, -torch.inf, 0.0)[:, None]
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x)

    def forward(self, ids):
        return self.head(self.encode(ids))


@misconception(
    "MaskedLM",
    "Put two more PADs behind a sentence, and your logits of its words change. Who tells your blocks where the PADs "
    "are?",
)
class ListensToPad(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embeddings = my.Embeddings(config.vocab_size, config.block_size, config.d_model)
        shape = config.d_model, config.n_heads, config.d_ff
        self.blocks = nn.ModuleList([my.EncoderBlock(*shape) for _ in range(config.n_layers)])
        self.norm = nn.LayerNorm(config.d_model)
        self.head = my.LMHead(self.embeddings)

    def encode(self, ids):
        x = self.embeddings(ids)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def forward(self, ids):
        return self.head(self.encode(ids))


@misconception(
    "MaskedLM",
    "With one block all is right; with two, PADs are heard again. Which of your blocks are given the mask?",
)
class MaskInTheFirstBlock(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embeddings = my.Embeddings(config.vocab_size, config.block_size, config.d_model)
        shape = config.d_model, config.n_heads, config.d_ff
        self.blocks = nn.ModuleList([my.EncoderBlock(*shape) for _ in range(config.n_layers)])
        self.norm = nn.LayerNorm(config.d_model)
        self.head = my.LMHead(self.embeddings)

    def encode(self, ids):
        mask, x = None, self.embeddings(ids)
        if self.config.pad_id is not None:
            mask = torch.where(ids == self.config.pad_id, -torch.inf, 0.0)[:, None]
        for block in self.blocks:
            x, mask = block(x, mask), None
        return self.norm(x)

    def forward(self, ids):
        return self.head(self.encode(ids))


@misconception(
    "MaskedLM",
    "Your words hear the PADs and nothing else; a sentence without one gives NaN. What is in your mask where a "
    "word may be heard: 0 or -inf?",
)
class HidesTheWords(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embeddings = my.Embeddings(config.vocab_size, config.block_size, config.d_model)
        shape = config.d_model, config.n_heads, config.d_ff
        self.blocks = nn.ModuleList([my.EncoderBlock(*shape) for _ in range(config.n_layers)])
        self.norm = nn.LayerNorm(config.d_model)
        self.head = my.LMHead(self.embeddings)

    def encode(self, ids):
        mask, x = None, self.embeddings(ids)
        if self.config.pad_id is not None:
            mask = torch.where(ids == self.config.pad_id, 0.0, -torch.inf)[:, None]
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x)

    def forward(self, ids):
        return self.head(self.encode(ids))


@misconception(
    "MaskedLM",
    "What your head reads has never been normalised, and self.norm has nothing to do. What did the pre-LN model of "
    "unit 09 do behind its last block?",
)
class NoFinalNorm(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embeddings = my.Embeddings(config.vocab_size, config.block_size, config.d_model)
        shape = config.d_model, config.n_heads, config.d_ff
        self.blocks = nn.ModuleList([my.EncoderBlock(*shape) for _ in range(config.n_layers)])
        self.norm = nn.LayerNorm(config.d_model)
        self.head = my.LMHead(self.embeddings)

    def encode(self, ids):
        mask, x = None, self.embeddings(ids)
        if self.config.pad_id is not None:
            mask = torch.where(ids == self.config.pad_id, -torch.inf, 0.0)[:, None]
        for block in self.blocks:
            x = block(x, mask)
        return x

    def forward(self, ids):
        return self.head(self.encode(ids))


@misconception(
    "MaskedLM",
    "Your logits are right; but `encode` hands out the bare stream, which the classifiers to come would read. In which "
    "of your two methods does the norm stand?",
)
class NormsForTheHeadOnly(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embeddings = my.Embeddings(config.vocab_size, config.block_size, config.d_model)
        shape = config.d_model, config.n_heads, config.d_ff
        self.blocks = nn.ModuleList([my.EncoderBlock(*shape) for _ in range(config.n_layers)])
        self.norm = nn.LayerNorm(config.d_model)
        self.head = my.LMHead(self.embeddings)

    def encode(self, ids):
        mask, x = None, self.embeddings(ids)
        if self.config.pad_id is not None:
            mask = torch.where(ids == self.config.pad_id, -torch.inf, 0.0)[:, None]
        for block in self.blocks:
            x = block(x, mask)
        return x

    def forward(self, ids):
        return self.head(self.norm(self.encode(ids)))


@misconception(
    "MaskedLM",
    "The words of your sentences have no places: *who saw whom* is left to chance. Through which module, of two "
    "tables, should the ids go?",
)
class WithoutPlaces(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embeddings = my.Embeddings(config.vocab_size, config.block_size, config.d_model)
        shape = config.d_model, config.n_heads, config.d_ff
        self.blocks = nn.ModuleList([my.EncoderBlock(*shape) for _ in range(config.n_layers)])
        self.norm = nn.LayerNorm(config.d_model)
        self.head = my.LMHead(self.embeddings)

    def encode(self, ids):
        mask, x = None, self.embeddings.tokens(ids)
        if self.config.pad_id is not None:
            mask = torch.where(ids == self.config.pad_id, -torch.inf, 0.0)[:, None]
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x)

    def forward(self, ids):
        return self.head(self.encode(ids))


# --- additive_attention


@misconception(
    "additive_attention",
    "Your scores are sums of a part of the query and a part of the key: in a softmax over the keys the query's part "
    "cancels, and every query looks at the same place. What is around the sum, so that the two can interact?",
)
def without_the_tanh(query, keys, W, U, v, mask=None):
    scores = ((query @ W)[..., None, :] + keys @ U) @ v
    weights = torch.softmax(scores if mask is None else scores + mask, dim=-1)
    return (weights[..., None] * keys).sum(-2), weights


@misconception(
    "additive_attention",
    "Inside your tanh the two are multiplied: a query of zeros makes all your scores 0. After what is this attention "
    "named?",
)
def multiplies_inside(query, keys, W, U, v, mask=None):
    scores = torch.tanh((query @ W)[..., None, :] * (keys @ U)) @ v
    weights = torch.softmax(scores if mask is None else scores + mask, dim=-1)
    return (weights[..., None] * keys).sum(-2), weights


@misconception(
    "additive_attention",
    "You send the query through U and the keys through W. Where queries and keys are equally long nobody complains. "
    "What do the shapes in the docstring say about who belongs to whom?",
)
def matrices_exchanged(query, keys, W, U, v, mask=None):
    scores = torch.tanh((query @ U)[..., None, :] + keys @ W) @ v
    weights = torch.softmax(scores if mask is None else scores + mask, dim=-1)
    return (weights[..., None] * keys).sum(-2), weights


@misconception(
    "additive_attention",
    "Your weights are right, your context is as long as v: it's a mixture of what the scores were made from. What is "
    "mixed according to the formula?",
)
def mixes_the_projections(query, keys, W, U, v, mask=None):
    scores = torch.tanh((query @ W)[..., None, :] + keys @ U) @ v
    weights = torch.softmax(scores if mask is None else scores + mask, dim=-1)
    return (weights[..., None] * (keys @ U)).sum(-2), weights


@misconception(
    "additive_attention",
    "One sentence is right. In a batch your weights sum to 1 over the sentences, and not over the words of one: which "
    "axis of the scores runs over the keys?",
)
def shares_over_the_batch(query, keys, W, U, v, mask=None):
    scores = torch.tanh((query @ W)[..., None, :] + keys @ U) @ v
    weights = torch.softmax(scores if mask is None else scores + mask, dim=0)
    return (weights[..., None] * keys).sum(-2), weights


@misconception(
    "additive_attention",
    "Your PADs get their share as if they were words: with a mask you return what you return without. Before which "
    "step does it want to be added?",
)
def forgets_the_padding(query, keys, W, U, v, mask=None):
    scores = torch.tanh((query @ W)[..., None, :] + keys @ U) @ v
    weights = torch.softmax(scores, dim=-1)
    return (weights[..., None] * keys).sum(-2), weights


@misconception(
    "additive_attention",
    "Where something is masked, your weights no longer sum to 1: you took the shares first and struck some of them "
    "out later. What would the others have got, had the masked ones never been there?",
)
def strikes_out_afterwards(query, keys, W, U, v, mask=None):
    scores = torch.tanh((query @ W)[..., None, :] + keys @ U) @ v
    weights = torch.softmax(scores, dim=-1)
    if mask is not None:
        weights = weights * (mask == 0)
    return (weights[..., None] * keys).sum(-2), weights


@misconception(
    "additive_attention",
    "One query is right. In a batch the shapes don't meet, or, if there are as many sentences as words, each query "
    "goes to one word of every sentence. Your query part has an axis less than your key part: which one does it lack?",
)
def no_axis_for_the_keys(query, keys, W, U, v, mask=None):
    scores = torch.tanh(query @ W + keys @ U) @ v
    weights = torch.softmax(scores if mask is None else scores + mask, dim=-1)
    return (weights[..., None] * keys).sum(-2), weights


# --- shift_right


@misconception(
    "shift_right",
    "Your rows have become one longer. The decoder would be asked once more after the last word: which id does it "
    "never need to read?",
)
def one_too_many(targets, bos):
    return torch.cat([torch.full_like(targets[:, :1], bos), targets], dim=1)


@misconception(
    "shift_right",
    "In your rows every place holds the word *after* the one it is to predict: bos is at the end. What should the "
    "decoder have read when it must say the very first word?",
)
def shifts_left(targets, bos):
    return torch.cat([targets[:, 1:], torch.full_like(targets[:, :1], bos)], dim=1)


@misconception(
    "shift_right",
    "Nothing has moved in your rows; only the first word is gone. At place 1, which word is the decoder to predict, "
    "and which one do you show it?",
)
def overwrites_the_first(targets, bos):
    shifted = targets.clone()
    shifted[:, 0] = bos
    return shifted


@misconception(
    "shift_right",
    "Your rows begin with their own last word. What comes in on one side of a row need not be what went out on the "
    "other: where did you use bos?",
)
def goes_round_in_a_ring(targets, bos):
    return torch.roll(targets, 1, dims=1)


@misconception(
    "shift_right",
    "You have moved the caller's own targets: the loss would now compare the decoder with what it was shown. What do "
    "you write into?",
)
def moves_the_targets_themselves(targets, bos):
    targets[:, 1:] = targets[:, :-1].clone()
    targets[:, 0] = bos
    return targets


# --- DecoderBlock


@misconception(
    "DecoderBlock",
    "Early words of your target know the later ones: in training it could copy its answers. Which of the block's two "
    "attentions has a future to hide?",
)
class SeesTheFuture(my.PreLNBlock):
    def __init__(self, d_model, n_heads, d_ff):
        super().__init__(d_model, n_heads, d_ff, causal=False)
        self.cross, self.norm_3 = my.CrossAttention(d_model, n_heads), nn.LayerNorm(d_model)

    def forward(self, y, memory, memory_mask=None):
        y = y + self.attention(self.norm_1(y))
        y = y + self.cross(self.norm_2(y), memory, memory_mask)
        return y + self.ff_out(torch.relu(self.ff_in(self.norm_3(y))))


@misconception(
    "DecoderBlock",
    "Your words ask the source before they have heard each other. Which question could the first step prepare for the "
    "second?",
)
class AsksTheSourceFirst(my.PreLNBlock):
    def __init__(self, d_model, n_heads, d_ff):
        super().__init__(d_model, n_heads, d_ff)
        self.cross, self.norm_3 = my.CrossAttention(d_model, n_heads), nn.LayerNorm(d_model)

    def forward(self, y, memory, memory_mask=None):
        y = y + self.cross(self.norm_2(y), memory, memory_mask)
        y = y + self.attention(self.norm_1(y))
        return y + self.ff_out(torch.relu(self.ff_in(self.norm_3(y))))


@misconception(
    "DecoderBlock",
    "Another memory, the same output: your words have asked each other twice. From whom should the keys and values of "
    "the second attention come?",
)
class NeverAsksTheSource(my.PreLNBlock):
    def __init__(self, d_model, n_heads, d_ff):
        super().__init__(d_model, n_heads, d_ff)
        self.cross, self.norm_3 = my.CrossAttention(d_model, n_heads), nn.LayerNorm(d_model)

    def forward(self, y, memory, memory_mask=None):
        y = y + self.attention(self.norm_1(y))
        y = y + self.cross(self.norm_2(y), self.norm_2(y))
        return y + self.ff_out(torch.relu(self.ff_in(self.norm_3(y))))


@misconception(
    "DecoderBlock",
    "A source with PADs gives the same as one without: they are asked like words. Where does your forward hand on "
    "its last argument?",
)
class ListensToThePads(my.PreLNBlock):
    def __init__(self, d_model, n_heads, d_ff):
        super().__init__(d_model, n_heads, d_ff)
        self.cross, self.norm_3 = my.CrossAttention(d_model, n_heads), nn.LayerNorm(d_model)

    def forward(self, y, memory, memory_mask=None):
        y = y + self.attention(self.norm_1(y))
        y = y + self.cross(self.norm_2(y), memory)
        return y + self.ff_out(torch.relu(self.ff_in(self.norm_3(y))))


@misconception(
    "DecoderBlock",
    "You hide the source's PADs from the attention among the *target's* words; as soon as the two differ in length, "
    "the shapes don't fit. Whose columns does memory_mask speak of?",
)
class MaskForTheWrongText(my.PreLNBlock):
    def __init__(self, d_model, n_heads, d_ff):
        super().__init__(d_model, n_heads, d_ff)
        self.cross, self.norm_3 = my.CrossAttention(d_model, n_heads), nn.LayerNorm(d_model)

    def forward(self, y, memory, memory_mask=None):
        y = y + self.attention(self.norm_1(y), memory_mask)
        y = y + self.cross(self.norm_2(y), memory)
        return y + self.ff_out(torch.relu(self.ff_in(self.norm_3(y))))


@misconception(
    "DecoderBlock",
    "Make the memory ten times as large, and your output stays as it is: you normalise it, with a norm of the decoder. "
    "Whose stream is norm_2 for?",
)
class NormalisesTheMemory(my.PreLNBlock):
    def __init__(self, d_model, n_heads, d_ff):
        super().__init__(d_model, n_heads, d_ff)
        self.cross, self.norm_3 = my.CrossAttention(d_model, n_heads), nn.LayerNorm(d_model)

    def forward(self, y, memory, memory_mask=None):
        y = y + self.attention(self.norm_1(y))
        y = y + self.cross(self.norm_2(y), self.norm_2(memory), memory_mask)
        return y + self.ff_out(torch.relu(self.ff_in(self.norm_3(y))))


@misconception(
    "DecoderBlock",
    "After the second step your stream holds what the source said, and no longer the word itself. How many of your "
    "three lines have a plus?",
)
class SourceReplacesTheStream(my.PreLNBlock):
    def __init__(self, d_model, n_heads, d_ff):
        super().__init__(d_model, n_heads, d_ff)
        self.cross, self.norm_3 = my.CrossAttention(d_model, n_heads), nn.LayerNorm(d_model)

    def forward(self, y, memory, memory_mask=None):
        y = y + self.attention(self.norm_1(y))
        y = self.cross(self.norm_2(y), memory, memory_mask)
        return y + self.ff_out(torch.relu(self.ff_in(self.norm_3(y))))


# --- Seq2Seq


@misconception(
    "Seq2Seq",
    "The first vector of your memory knows only the first word of the source, although the whole source lies on the "
    "table before a word is written. Which blocks have you given to the reader?",
)
class ReadsLikeAWriter(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embeddings = my.Embeddings(config.vocab_size, config.block_size, config.d_model)
        shape = config.d_model, config.n_heads, config.d_ff
        self.encoder = nn.ModuleList([my.PreLNBlock(*shape) for _ in range(config.n_layers)])
        self.encoder_norm = nn.LayerNorm(config.d_model)
        self.decoder = nn.ModuleList([my.DecoderBlock(*shape) for _ in range(config.n_layers)])
        self.norm = nn.LayerNorm(config.d_model)
        self.head = my.LMHead(self.embeddings)

    def encode(self, source):
        mask, x = None, self.embeddings(source)
        if self.config.pad_id is not None:
            mask = torch.where(source == self.config.pad_id, -torch.inf, 0.0)[:, None]
        for block in self.encoder:
            x = block(x, mask)
        return self.encoder_norm(x), mask

    def decode(self, target, memory):
        y = self.embeddings(target)
        for block in self.decoder:
            y = block(y, *memory)
        return self.head(self.norm(y))

    def forward(self, source, target):
        return self.decode(target, self.encode(source))


@misconception(
    "Seq2Seq",
    "Your memory is the bare stream of the encoder; encoder_norm is never used. What does a pre-LN stack do with its "
    "stream before it hands it on?",
)
class BareMemory(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embeddings = my.Embeddings(config.vocab_size, config.block_size, config.d_model)
        shape = config.d_model, config.n_heads, config.d_ff
        self.encoder = nn.ModuleList([my.EncoderBlock(*shape) for _ in range(config.n_layers)])
        self.encoder_norm = nn.LayerNorm(config.d_model)
        self.decoder = nn.ModuleList([my.DecoderBlock(*shape) for _ in range(config.n_layers)])
        self.norm = nn.LayerNorm(config.d_model)
        self.head = my.LMHead(self.embeddings)

    def encode(self, source):
        mask, x = None, self.embeddings(source)
        if self.config.pad_id is not None:
            mask = torch.where(source == self.config.pad_id, -torch.inf, 0.0)[:, None]
        for block in self.encoder:
            x = block(x, mask)
        return x, mask

    def decode(self, target, memory):
        y = self.embeddings(target)
        for block in self.decoder:
            y = block(y, *memory)
        return self.head(self.norm(y))

    def forward(self, source, target):
        return self.decode(target, self.encode(source))


@misconception(
    "Seq2Seq",
    "Your reader skips the PADs, your writer doesn't: the mask never leaves `encode`. Who else looks at the source's "
    "places?",
)
class WriterSeesPads(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embeddings = my.Embeddings(config.vocab_size, config.block_size, config.d_model)
        shape = config.d_model, config.n_heads, config.d_ff
        self.encoder = nn.ModuleList([my.EncoderBlock(*shape) for _ in range(config.n_layers)])
        self.encoder_norm = nn.LayerNorm(config.d_model)
        self.decoder = nn.ModuleList([my.DecoderBlock(*shape) for _ in range(config.n_layers)])
        self.norm = nn.LayerNorm(config.d_model)
        self.head = my.LMHead(self.embeddings)

    def encode(self, source):
        mask, x = None, self.embeddings(source)
        if self.config.pad_id is not None:
            mask = torch.where(source == self.config.pad_id, -torch.inf, 0.0)[:, None]
        for block in self.encoder:
            x = block(x, mask)
        return self.encoder_norm(x), None

    def decode(self, target, memory):
        y = self.embeddings(target)
        for block in self.decoder:
            y = block(y, *memory)
        return self.head(self.norm(y))

    def forward(self, source, target):
        return self.decode(target, self.encode(source))


@misconception(
    "Seq2Seq",
    "Your writer skips the PADs, but the words of your memory have already listened to them while the source was "
    "being read. Which calls inside `encode` go without the mask?",
)
class ReaderSeesPads(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embeddings = my.Embeddings(config.vocab_size, config.block_size, config.d_model)
        shape = config.d_model, config.n_heads, config.d_ff
        self.encoder = nn.ModuleList([my.EncoderBlock(*shape) for _ in range(config.n_layers)])
        self.encoder_norm = nn.LayerNorm(config.d_model)
        self.decoder = nn.ModuleList([my.DecoderBlock(*shape) for _ in range(config.n_layers)])
        self.norm = nn.LayerNorm(config.d_model)
        self.head = my.LMHead(self.embeddings)

    def encode(self, source):
        mask, x = None, self.embeddings(source)
        if self.config.pad_id is not None:
            mask = torch.where(source == self.config.pad_id, -torch.inf, 0.0)[:, None]
        for block in self.encoder:
            x = block(x)
        return self.encoder_norm(x), mask

    def decode(self, target, memory):
        y = self.embeddings(target)
        for block in self.decoder:
            y = block(y, *memory)
        return self.head(self.norm(y))

    def forward(self, source, target):
        return self.decode(target, self.encode(source))


@misconception(
    "Seq2Seq",
    "However long the source is, your memory is one vector long: you have rebuilt the bottleneck of the RNNs. What "
    "would the cross-attention then have to choose from?",
)
class OneVectorForAll(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embeddings = my.Embeddings(config.vocab_size, config.block_size, config.d_model)
        shape = config.d_model, config.n_heads, config.d_ff
        self.encoder = nn.ModuleList([my.EncoderBlock(*shape) for _ in range(config.n_layers)])
        self.encoder_norm = nn.LayerNorm(config.d_model)
        self.decoder = nn.ModuleList([my.DecoderBlock(*shape) for _ in range(config.n_layers)])
        self.norm = nn.LayerNorm(config.d_model)
        self.head = my.LMHead(self.embeddings)

    def encode(self, source):
        mask, x = None, self.embeddings(source)
        if self.config.pad_id is not None:
            mask = torch.where(source == self.config.pad_id, -torch.inf, 0.0)[:, None]
        for block in self.encoder:
            x = block(x, mask)
        return self.encoder_norm(x)[:, -1:], None

    def decode(self, target, memory):
        y = self.embeddings(target)
        for block in self.decoder:
            y = block(y, *memory)
        return self.head(self.norm(y))

    def forward(self, source, target):
        return self.decode(target, self.encode(source))


@misconception(
    "Seq2Seq",
    "Your memory is right, your logits aren't: the same norm ends both stacks. How many norms does this model have "
    "beside those of its blocks, and which one gets no gradient?",
)
class OneNormForBothStacks(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embeddings = my.Embeddings(config.vocab_size, config.block_size, config.d_model)
        shape = config.d_model, config.n_heads, config.d_ff
        self.encoder = nn.ModuleList([my.EncoderBlock(*shape) for _ in range(config.n_layers)])
        self.encoder_norm = nn.LayerNorm(config.d_model)
        self.decoder = nn.ModuleList([my.DecoderBlock(*shape) for _ in range(config.n_layers)])
        self.norm = nn.LayerNorm(config.d_model)
        self.head = my.LMHead(self.embeddings)

    def encode(self, source):
        mask, x = None, self.embeddings(source)
        if self.config.pad_id is not None:
            mask = torch.where(source == self.config.pad_id, -torch.inf, 0.0)[:, None]
        for block in self.encoder:
            x = block(x, mask)
        return self.encoder_norm(x), mask

    def decode(self, target, memory):
        y = self.embeddings(target)
        for block in self.decoder:
            y = block(y, *memory)
        return self.head(self.encoder_norm(y))

    def forward(self, source, target):
        return self.decode(target, self.encode(source))


# --- translate


@misconception(
    "translate",
    "Your rows end well, but contain words that were said after the first eos. You strike out every eos; what of "
    "all that follows it?",
)
def strikes_out_every_eos(model, source, bos, eos, max_tokens):
    rows = torch.full((len(source), 1), bos)
    with torch.no_grad():
        memory = model.encode(source)
        while rows.shape[1] <= max_tokens and not (rows == eos).any(1).all():
            rows = torch.cat([rows, model.decode(rows, memory)[:, -1].argmax(-1, keepdim=True)], 1)
    return [[i for i in row[1:] if i != eos] for row in rows.tolist()]


@misconception(
    "translate",
    "Each of your translations begins with bos. It was there to set the decoder going: which of the ids that you hold "
    "did the model write?",
)
def returns_bos(model, source, bos, eos, max_tokens):
    memory, written = model.encode(source), torch.full((len(source), 1), bos)
    while written.shape[1] <= max_tokens and not (written == eos).any(1).all():
        best = model.decode(written, memory)[:, -1].argmax(-1)
        written = torch.cat([written, best[:, None]], dim=1)
    rows = written.tolist()
    return [row[: row.index(eos)] if eos in row else row for row in rows]


@misconception(
    "translate",
    "Your translations end with eos. It says where the text stops: is it a part of what it ends?",
)
def returns_eos(model, source, bos, eos, max_tokens):
    memory, written = model.encode(source), torch.full((len(source), 1), bos)
    while written.shape[1] <= max_tokens and not (written == eos).any(1).all():
        best = model.decode(written, memory)[:, -1].argmax(-1)
        written = torch.cat([written, best[:, None]], dim=1)
    rows = written[:, 1:].tolist()
    return [row[: row.index(eos) + 1] if eos in row else row for row in rows]


@misconception(
    "translate",
    "Your translations are all as long as they may be: they talk on after eos. What did the model want to say with "
    "that id?",
)
def talks_on(model, source, bos, eos, max_tokens):
    memory, written = model.encode(source), torch.full((len(source), 1), bos)
    for _ in range(max_tokens):
        best = model.decode(written, memory)[:, -1].argmax(-1)
        written = torch.cat([written, best[:, None]], dim=1)
    return written[:, 1:].tolist()


@misconception(
    "translate",
    "Your words are right, and yet the decoder is asked max_tokens times, whether or not anybody still has something "
    "to say. By what could you see that all rows are done?",
)
def asks_after_the_end(model, source, bos, eos, max_tokens):
    memory, written = model.encode(source), torch.full((len(source), 1), bos)
    for _ in range(max_tokens):
        best = model.decode(written, memory)[:, -1].argmax(-1)
        written = torch.cat([written, best[:, None]], dim=1)
    rows = written[:, 1:].tolist()
    return [row[: row.index(eos)] if eos in row else row for row in rows]


@misconception(
    "translate",
    "As soon as one sentence of the batch is done, all your others break off too. Whose end is it that may stop the "
    "loop?",
)
def all_stop_with_the_first(model, source, bos, eos, max_tokens):
    memory, written = model.encode(source), torch.full((len(source), 1), bos)
    while written.shape[1] <= max_tokens and not (written == eos).any():
        best = model.decode(written, memory)[:, -1].argmax(-1)
        written = torch.cat([written, best[:, None]], dim=1)
    rows = written[:, 1:].tolist()
    return [row[: row.index(eos)] if eos in row else row for row in rows]


@misconception(
    "translate",
    "Your batch continues until all its rows say eos in the same step, which may never come. A row that has "
    "ended once: does it have to say so again?",
)
def waits_for_one_voice(model, source, bos, eos, max_tokens):
    memory, written = model.encode(source), torch.full((len(source), 1), bos)
    while written.shape[1] <= max_tokens:
        best = model.decode(written, memory)[:, -1].argmax(-1)
        if (best == eos).all():
            break
        written = torch.cat([written, best[:, None]], dim=1)
    return written[:, 1:].tolist()


@misconception(
    "translate",
    "You show the decoder only the id that it wrote last. This one has no state of its own, as an RNN has: how should "
    "it know what else it has written?",
)
def shows_the_last_id_only(model, source, bos, eos, max_tokens):
    memory, written = model.encode(source), torch.full((len(source), 1), bos)
    while written.shape[1] <= max_tokens and not (written == eos).any(1).all():
        best = model.decode(written[:, -1:], memory)[:, -1].argmax(-1)
        written = torch.cat([written, best[:, None]], dim=1)
    rows = written[:, 1:].tolist()
    return [row[: row.index(eos)] if eos in row else row for row in rows]


@misconception(
    "translate",
    "You write your first word again and again: the logits that you read are those after bos. Which place of the "
    "decoder's answer is about the next word?",
)
def reads_the_first_logits(model, source, bos, eos, max_tokens):
    memory, written = model.encode(source), torch.full((len(source), 1), bos)
    while written.shape[1] <= max_tokens and not (written == eos).any(1).all():
        best = model.decode(written, memory)[:, 0].argmax(-1)
        written = torch.cat([written, best[:, None]], dim=1)
    rows = written[:, 1:].tolist()
    return [row[: row.index(eos)] if eos in row else row for row in rows]


@misconception(
    "translate",
    "All your words are right, but the source is read again before each of them. What changes in it while you write?",
)
def reads_the_source_each_time(model, source, bos, eos, max_tokens):
    written = torch.full((len(source), 1), bos)
    while written.shape[1] <= max_tokens and not (written == eos).any(1).all():
        best = model.decode(written, model.encode(source))[:, -1].argmax(-1)
        written = torch.cat([written, best[:, None]], dim=1)
    rows = written[:, 1:].tolist()
    return [row[: row.index(eos)] if eos in row else row for row in rows]


@misconception(
    "translate",
    "Where no eos comes, your translations are one word longer than allowed. Count how often your decoder is asked if "
    "max_tokens is 1: does bos count as a word?",
)
def one_word_too_many(model, source, bos, eos, max_tokens):
    memory, written = model.encode(source), torch.full((len(source), 1), bos)
    while written.shape[1] <= max_tokens + 1 and not (written == eos).any(1).all():
        best = model.decode(written, memory)[:, -1].argmax(-1)
        written = torch.cat([written, best[:, None]], dim=1)
    rows = written[:, 1:].tolist()
    return [row[: row.index(eos)] if eos in row else row for row in rows]

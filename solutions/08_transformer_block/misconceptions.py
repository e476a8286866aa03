"""Wrong answers that students give in unit 08_transformer_block, each with the hint that it earns."""

import torch
from torch import nn

from lecture_lib.mywork import saved_work
from lecture_lib.checking.bank import misconception, wrong_choice

my = saved_work("08_transformer_block")


# --- polls

order_by_places = wrong_choice(
    "word_order",
    "B",
    "You let the place change the vector. Follow the number 4 of a place through scores, softmax and sum: in which "
    "formula does it occur as more than a name?",
    name="places_matter",
)
order_by_seats = wrong_choice(
    "word_order",
    "C",
    "You tie the result to the seat. In the second place there once sits *man*, once *fish*: with whose query does "
    "that seat look around?",
    name="seats_keep_their_vector",
)
order_for_the_verb = wrong_choice(
    "word_order",
    "D",
    "You let *ate* notice who comes first. Write out its weighted sum for both sentences: do the terms differ, or "
    "only the order in which you add them?",
    name="the_verb_notices",
)
moved_shrinks = wrong_choice(
    "moved_sentence",
    "B",
    "You let the score fade with the place. Does turning a vector ever make it shorter? And what has changed between "
    "the two words?",
    name="fades_along_the_text",
)
moved_differs = wrong_choice(
    "moved_sentence",
    "A",
    "Both vectors are indeed turned further. Turn both hands of a clock by the same angle: what becomes of the angle "
    "between them?",
    name="turned_but_not_together",
)
moved_depends = wrong_choice(
    "moved_sentence",
    "D",
    "You let the 100 tokens take part. They may win weight in the softmax; but write down this one score: whose query "
    "and whose key are in it?",
    name="others_take_part",
)
means_by_entry = wrong_choice(
    "layer_norm_means",
    "A",
    "Ten means, one an entry: that's another kind of norm (over the batch). Then a word's vector would depend on who "
    "else is in the batch. Over which axis does the formula's sum run?",
    name="over_the_batch",
)
means_by_sentence = wrong_choice(
    "layer_norm_means",
    "C",
    "You take one mean for all words of a sentence. Could a token's vector then stay the same if its neighbour "
    "changes? How many numbers does the formula's sum add up?",
    name="over_the_sentence",
)
means_by_place = wrong_choice(
    "layer_norm_means",
    "D",
    "You average over the sentences and keep place and entry apart. What would you do with a batch of one sentence? "
    "Which axis is the one of length d?",
    name="over_the_batch_alone",
)


# --- sinusoidal_positions


@misconception(
    "sinusoidal_positions",
    "Your table has all the sines on the left and all the cosines on the right. Read the indices 2i and 2i + 1 again: "
    "where does the cosine belong that shares its angle with column 0?",
)
def in_two_halves(T, d_model):
    angles = torch.arange(T)[:, None] * 10_000.0 ** (-torch.arange(0, d_model, 2) / d_model)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


@misconception(
    "sinusoidal_positions",
    "Your row 0 begins with 1. What is the sine of 0, and in which columns do the sines stand?",
)
def cosine_first(T, d_model):
    angles = torch.arange(T)[:, None] * 10_000.0 ** (-torch.arange(0, d_model, 2) / d_model)
    return torch.stack([angles.cos(), angles.sin()], dim=-1).reshape(T, d_model)


@misconception(
    "sinusoidal_positions",
    "Every column of yours has a speed of its own. A sine and a cosine of different angles are no hand of a clock: "
    "which two columns share one angle?",
)
def a_speed_for_each_column(T, d_model):
    angles = torch.arange(T)[:, None] * 10_000.0 ** (-torch.arange(d_model) / d_model)
    table = angles.sin()
    table[:, 1::2] = angles[:, 1::2].cos()
    return table


@misconception(
    "sinusoidal_positions",
    "The first pair is right, the later ones turn too fast. Print your exponents for d_model = 4: where the formula "
    "has -2i/d_model with i = 1, what do you have?",
)
def without_the_two(T, d_model):
    angles = torch.arange(T)[:, None] * 10_000.0 ** (-torch.arange(d_model // 2) / d_model)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).reshape(T, d_model)


@misconception(
    "sinusoidal_positions",
    "Your rows are right, one place too early: your first row is the docstring's second. From which number on are "
    "positions counted here?",
)
def counts_from_one(T, d_model):
    angles = torch.arange(1, T + 1)[:, None] * 10_000.0 ** (-torch.arange(0, d_model, 2) / d_model)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).reshape(T, d_model)


@misconception(
    "sinusoidal_positions",
    "The later your pair, the faster it turns: by 10, by 100, by 1000 radians a step. Which sign does the exponent "
    "have?",
)
def faster_and_faster(T, d_model):
    angles = torch.arange(T, dtype=torch.float64)[:, None] * 10_000.0 ** (torch.arange(0, d_model, 2) / d_model)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).reshape(T, d_model)


@misconception(
    "sinusoidal_positions",
    "All your pairs turn at the same speed, so positions repeat after 6 steps in every column. Where does i enter "
    "your angles?",
)
def one_speed_for_all(T, d_model):
    angles = torch.arange(T, dtype=torch.float32)[:, None].expand(T, d_model // 2)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).reshape(T, d_model)


@misconception(
    "sinusoidal_positions",
    "Your angles were computed in degrees: after 6 steps the first pair should have gone round once. In which unit "
    "does torch.sin take its argument?",
)
def in_degrees(T, d_model):
    angles = torch.arange(T)[:, None] * 10_000.0 ** (-torch.arange(0, d_model, 2) / d_model)
    angles = torch.deg2rad(angles)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).reshape(T, d_model)


# --- Embeddings


@misconception(
    "Embeddings",
    "Your result goes too far: the position vector is in it twice. How many terms does the sum in the text have?",
)
class PositionsTwice(nn.Module):
    def __init__(self, vocab_size, block_size, d_model):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocab_size, d_model), nn.Embedding(block_size, d_model)

    def forward(self, ids, start=0):
        where = self.positions(torch.arange(start, start + ids.shape[1]))
        x = self.tokens(ids) + where
        return x + where


@misconception(
    "Embeddings",
    "All is right while a text starts at place 0. Then you are told that it starts later, and nothing changes: where "
    "does your code read `start`?",
)
class AlwaysFromZero(nn.Module):
    def __init__(self, vocab_size, block_size, d_model):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocab_size, d_model), nn.Embedding(block_size, d_model)

    def forward(self, ids, start=0):
        return self.tokens(ids) + self.positions(torch.arange(ids.shape[1]))


@misconception(
    "Embeddings",
    "In your text the same word looks the same everywhere: it has no place. What is the second table for?",
)
class WithoutPositions(nn.Module):
    def __init__(self, vocab_size, block_size, d_model):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocab_size, d_model), nn.Embedding(block_size, d_model)

    def forward(self, ids, start=0):
        return self.tokens(ids)


@misconception(
    "Embeddings",
    "A text of one token is right. In a longer one, all your words stand at the same place, that of the first: which "
    "place does the second word have?",
)
class OnePlaceForAll(nn.Module):
    def __init__(self, vocab_size, block_size, d_model):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocab_size, d_model), nn.Embedding(block_size, d_model)

    def forward(self, ids, start=0):
        return self.tokens(ids) + self.positions(torch.tensor(start))


@misconception(
    "Embeddings",
    "You look up the position of a word by its id. Where *the* stands in a text has nothing to do with its number in "
    "the vocabulary: what counts the places?",
)
class PlacesFromIds(nn.Module):
    def __init__(self, vocab_size, block_size, d_model):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocab_size, d_model), nn.Embedding(block_size, d_model)

    def forward(self, ids, start=0):
        return self.tokens(ids) + self.positions((ids + start) % self.positions.num_embeddings)


@misconception(
    "Embeddings",
    "Your first word stands at place 1, and a text that fills the block finds no place for its last word. Which is "
    "the first row of a table?",
)
class PlacesFromOne(nn.Module):
    def __init__(self, vocab_size, block_size, d_model):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocab_size, d_model), nn.Embedding(block_size, d_model)

    def forward(self, ids, start=0):
        return self.tokens(ids) + self.positions(torch.arange(start + 1, start + ids.shape[1] + 1))


@misconception(
    "Embeddings",
    "Every vector is right, and the one of token 0 will never learn: it gets no gradient. What does `padding_idx` do, "
    "and who said that 0 is padding here?",
)
class ZeroNeverLearns(nn.Module):
    def __init__(self, vocab_size, block_size, d_model):
        super().__init__()
        self.tokens = nn.Embedding(vocab_size, d_model, padding_idx=0)
        self.positions = nn.Embedding(block_size, d_model)

    def forward(self, ids, start=0):
        return self.tokens(ids) + self.positions(torch.arange(start, start + ids.shape[1]))


@misconception(
    "Embeddings",
    "Your vectors are twice as long as d_model. The text adds word and position: what do you do instead?",
)
class SideBySide(nn.Module):
    def __init__(self, vocab_size, block_size, d_model):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocab_size, d_model), nn.Embedding(block_size, d_model)

    def forward(self, ids, start=0):
        where = self.positions(torch.arange(start, start + ids.shape[1]))
        return torch.cat([self.tokens(ids), where.expand(len(ids), -1, -1)], dim=-1)


@misconception(
    "Embeddings",
    "You multiply the word vectors by the root of d_model. The first transformer did so, with sinusoids; does this "
    "section's formula?",
)
class TokensScaled(nn.Module):
    def __init__(self, vocab_size, block_size, d_model):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocab_size, d_model), nn.Embedding(block_size, d_model)

    def forward(self, ids, start=0):
        x = self.tokens(ids) * self.tokens.embedding_dim**0.5
        return x + self.positions(torch.arange(start, start + ids.shape[1]))


# --- apply_rope


@misconception(
    "apply_rope",
    "You pair neighbours, entries 2i and 2i + 1. With one pair that's the same; with two it isn't, for weights that "
    "expect the other: which entry turns together with entry 0 here?",
)
def pairs_neighbours(q, positions, theta=10_000.0):
    d_k = q.shape[-1]
    angles = positions[:, None] * theta ** (-torch.arange(0, d_k, 2, dtype=q.dtype) / d_k)
    a, b = q[..., 0::2], q[..., 1::2]
    turned = [a * angles.cos() - b * angles.sin(), b * angles.cos() + a * angles.sin()]
    return torch.stack(turned, dim=-1).flatten(-2)


@misconception(
    "apply_rope",
    "You take the pairs apart as halves and put them together as neighbours: your entries have changed places, even "
    "at position 0. Where did b stand before the turn?",
)
def puts_back_as_neighbours(q, positions, theta=10_000.0):
    d_k = q.shape[-1]
    angles = positions[:, None] * theta ** (-torch.arange(0, d_k, 2, dtype=q.dtype) / d_k)
    a, b = q[..., : d_k // 2], q[..., d_k // 2 :]
    turned = [a * angles.cos() - b * angles.sin(), b * angles.cos() + a * angles.sin()]
    return torch.stack(turned, dim=-1).flatten(-2)


@misconception(
    "apply_rope",
    "The first half of your result is right, the second is not. By the time you compute the new b, what has become of "
    "a?",
)
def uses_the_new_a(q, positions, theta=10_000.0):
    d_k = q.shape[-1]
    angles = positions[:, None] * theta ** (-torch.arange(0, d_k, 2) / d_k)
    a, b = q[..., : d_k // 2], q[..., d_k // 2 :]
    a = a * angles.cos() - b * angles.sin()
    b = b * angles.cos() + a * angles.sin()
    return torch.cat([a, b], dim=-1)


@misconception(
    "apply_rope",
    "The first pair is right, the others turn too fast. For d_k = 4, print your exponents: where the formula has "
    "-2i/d_k with i = 1, what do you have?",
)
def exponents_without_the_two(q, positions, theta=10_000.0):
    d_k = q.shape[-1]
    angles = positions[:, None] * theta ** (-torch.arange(d_k // 2) / d_k)
    a, b = q[..., : d_k // 2], q[..., d_k // 2 :]
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


@misconception(
    "apply_rope",
    "Your pairs are the halves, but your angles belong to neighbours: the two entries of a pair turn by different "
    "angles, and the length of a vector changes. In which order does each half need the speeds?",
)
def angles_of_neighbours(q, positions, theta=10_000.0):
    d_k = q.shape[-1]
    angles = positions[:, None] * theta ** (-torch.arange(0, d_k, 2, dtype=q.dtype) / d_k)
    angles = angles.repeat_interleave(2, dim=-1)
    a, b = q[..., : d_k // 2], q[..., d_k // 2 :]
    return q * angles.cos() + torch.cat([-b, a], dim=-1) * angles.sin()


@misconception(
    "apply_rope",
    "Your hands turn backwards: (1, 0) at place 1 becomes (0.54, -0.84). Which of the two products with a sine has "
    "the minus?",
)
def turns_backwards(q, positions, theta=10_000.0):
    d_k = q.shape[-1]
    angles = positions[:, None] * theta ** (-torch.arange(0, d_k, 2, dtype=q.dtype) / d_k)
    a, b = q[..., : d_k // 2], q[..., d_k // 2 :]
    return torch.cat([a * angles.cos() + b * angles.sin(), b * angles.cos() - a * angles.sin()], dim=-1)


@misconception(
    "apply_rope",
    "Your vectors change their length, so this is no turn. Both of your lines have the same sign before the sine: do "
    "they in the formula?",
)
def twice_the_same_sign(q, positions, theta=10_000.0):
    d_k = q.shape[-1]
    angles = positions[:, None] * theta ** (-torch.arange(0, d_k, 2, dtype=q.dtype) / d_k)
    a, b = q[..., : d_k // 2], q[..., d_k // 2 :]
    return torch.cat([a * angles.cos() - b * angles.sin(), b * angles.cos() - a * angles.sin()], dim=-1)


@misconception(
    "apply_rope",
    "All is right for the positions 0, 1, 2, ...; with others, your result doesn't change. Where does your code read "
    "`positions`?",
)
def counts_for_itself(q, positions, theta=10_000.0):
    d_k = q.shape[-1]
    angles = torch.arange(q.shape[-2])[:, None] * theta ** (-torch.arange(0, d_k, 2, dtype=q.dtype) / d_k)
    a, b = q[..., : d_k // 2], q[..., d_k // 2 :]
    return torch.cat([a * angles.cos() - b * angles.sin(), b * angles.cos() + a * angles.sin()], dim=-1)


@misconception(
    "apply_rope",
    "With theta = 10000 all is right; with another theta you give the same as before. Where does your code read "
    "`theta`?",
)
def always_ten_thousand(q, positions, theta=10_000.0):
    d_k = q.shape[-1]
    angles = positions[:, None] * 10_000.0 ** (-torch.arange(0, d_k, 2, dtype=q.dtype) / d_k)
    a, b = q[..., : d_k // 2], q[..., d_k // 2 :]
    return torch.cat([a * angles.cos() - b * angles.sin(), b * angles.cos() + a * angles.sin()], dim=-1)


@misconception(
    "apply_rope",
    "All your pairs turn at the same speed. With one pair nobody notices; what should make the second one slower?",
)
def one_speed_for_every_pair(q, positions, theta=10_000.0):
    d_k = q.shape[-1]
    angle = positions[:, None].to(q.dtype)
    a, b = q[..., : d_k // 2], q[..., d_k // 2 :]
    return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], dim=-1)


@misconception(
    "apply_rope",
    "You add sines and cosines to the vector, as the table of section 2 does. At place 0 your vector isn't what it "
    "was: what does this section do to it, if not add?",
)
def adds_a_table(q, positions, theta=10_000.0):
    d_k = q.shape[-1]
    angles = positions[:, None] * theta ** (-torch.arange(0, d_k, 2, dtype=q.dtype) / d_k)
    return q + torch.cat([angles.cos(), angles.sin()], dim=-1)


# --- layer_norm


@misconception(
    "layer_norm",
    "Your columns have mean 0; your rows haven't. You compare a token with its neighbours: over which axis does the "
    "sum in the formula run?",
)
def over_time(x, gamma, beta, eps):
    mean = x.mean(dim=-2, keepdim=True)
    variance = ((x - mean) ** 2).mean(dim=-2, keepdim=True)
    return gamma * (x - mean) / torch.sqrt(variance + eps) + beta


@misconception(
    "layer_norm",
    "You average over the first axis. In a batch, that is over the sentences: should the vector of a word depend on "
    "what else is in the batch?",
)
def over_the_first_axis(x, gamma, beta, eps):
    mean = x.mean(dim=0, keepdim=True)
    variance = ((x - mean) ** 2).mean(dim=0, keepdim=True)
    return gamma * (x - mean) / torch.sqrt(variance + eps) + beta


@misconception(
    "layer_norm",
    "One vector is right; of many, only all together have mean 0. How many means are needed for a sentence of T "
    "tokens?",
)
def over_everything(x, gamma, beta, eps):
    mean = x.mean()
    variance = ((x - mean) ** 2).mean()
    return gamma * (x - mean) / torch.sqrt(variance + eps) + beta


@misconception(
    "layer_norm",
    "Your values are a little too small, the more so the shorter the vector. torch.var and torch.std divide by d - 1 "
    "unless told otherwise: by what does the formula divide?",
)
def unbiased(x, gamma, beta, eps):
    mean = x.mean(dim=-1, keepdim=True)
    return gamma * (x - mean) / torch.sqrt(x.var(dim=-1, keepdim=True) + eps) + beta


@misconception(
    "layer_norm",
    "All is right while eps is tiny. Make it large, and you see that yours is added to the standard deviation: what is "
    "it added to in the formula?",
)
def eps_outside_the_root(x, gamma, beta, eps):
    mean = x.mean(dim=-1, keepdim=True)
    deviation = ((x - mean) ** 2).mean(dim=-1, keepdim=True).sqrt()
    return gamma * (x - mean) / (deviation + eps) + beta


@misconception(
    "layer_norm",
    "Your result has mean 0, but its size depends on that of the input: twice the input gives half the output. By the "
    "variance, or by its root: what brings a spread to 1?",
)
def divides_by_the_variance(x, gamma, beta, eps):
    mean = x.mean(dim=-1, keepdim=True)
    variance = ((x - mean) ** 2).mean(dim=-1, keepdim=True)
    return gamma * (x - mean) / (variance + eps) + beta


@misconception(
    "layer_norm",
    "Your result has spread 1, but its mean isn't 0. What has to be taken away from x before it is divided?",
)
def keeps_the_mean(x, gamma, beta, eps):
    variance = x.var(dim=-1, correction=0, keepdim=True)
    return gamma * x / torch.sqrt(variance + eps) + beta


@misconception(
    "layer_norm",
    "Right as long as gain and shift do nothing. With both, your shift is multiplied by the gain: which comes first "
    "in the formula?",
)
def shifts_before_scaling(x, gamma, beta, eps):
    mean = x.mean(dim=-1, keepdim=True)
    variance = ((x - mean) ** 2).mean(dim=-1, keepdim=True)
    return gamma * ((x - mean) / torch.sqrt(variance + eps) + beta)


@misconception(
    "layer_norm",
    "Right as long as gain and shift do nothing. What are the two arguments that your result doesn't depend on?",
)
def without_gain_and_shift(x, gamma, beta, eps):
    mean = x.mean(dim=-1, keepdim=True)
    return (x - mean) / torch.sqrt(((x - mean) ** 2).mean(dim=-1, keepdim=True) + eps)


@misconception(
    "layer_norm",
    "Your result doesn't depend on eps, and a vector of equal numbers gives NaN. What is 0/0, and what is the small "
    "number there for?",
)
def without_eps(x, gamma, beta, eps):
    mean = x.mean(dim=-1, keepdim=True)
    variance = ((x - mean) ** 2).mean(dim=-1, keepdim=True)
    return gamma * (x - mean) / torch.sqrt(variance) + beta


# --- feed_forward


@misconception(
    "feed_forward",
    "You multiply twice and never bend: two linear maps in a row are one linear map. What stands between them?",
)
def without_the_bend(x, W_1, b_1, W_2, b_2):
    return (x @ W_1 + b_1) @ W_2 + b_2


@misconception(
    "feed_forward",
    "No number of yours is negative. Look where the bend stands in the formula: does it also come after the second "
    "map?",
)
def bends_at_the_end_too(x, W_1, b_1, W_2, b_2):
    return torch.relu(torch.relu(x @ W_1 + b_1) @ W_2 + b_2)


@misconception(
    "feed_forward",
    "You bend the input before anything has been computed from it, so that what is negative in x is lost. What should "
    "be bent?",
)
def bends_the_input(x, W_1, b_1, W_2, b_2):
    return (torch.relu(x) @ W_1 + b_1) @ W_2 + b_2


@misconception(
    "feed_forward",
    "You add the first bias after the bend. Then it can't decide when a neuron fires: where does b_1 stand in the "
    "formula?",
)
def bias_after_the_bend(x, W_1, b_1, W_2, b_2):
    return (torch.relu(x @ W_1) + b_1) @ W_2 + b_2


@misconception(
    "feed_forward",
    "Give your function an input of zeros: it ought to answer more than b_2. What else is added on the way?",
)
def without_the_first_bias(x, W_1, b_1, W_2, b_2):
    return torch.relu(x @ W_1) @ W_2 + b_2


@misconception(
    "feed_forward",
    "Every row of yours is off by the same vector. Compare it with the arguments: which one have you not used?",
)
def without_the_last_bias(x, W_1, b_1, W_2, b_2):
    return torch.relu(x @ W_1 + b_1) @ W_2


@misconception(
    "feed_forward",
    "You use the weights transposed, as nn.Linear stores them; with d_ff = d_model it even runs. Tokens are rows, and "
    "W_1 is (d_model, d_ff): on which side does it stand, and which way round?",
)
def weights_transposed(x, W_1, b_1, W_2, b_2):
    return torch.relu(x @ W_1.mT + b_1) @ W_2.mT + b_2


@misconception(
    "feed_forward",
    "Your result still contains x itself. Adding what was read is the business of the block, in the next section: "
    "what does this formula end with?",
)
def adds_the_input(x, W_1, b_1, W_2, b_2):
    return x + torch.relu(x @ W_1 + b_1) @ W_2 + b_2


@misconception(
    "feed_forward",
    "Your numbers are close, and not it: you bend smoothly, as a GELU does. Which bend does this section ask for?",
)
def bends_with_gelu(x, W_1, b_1, W_2, b_2):
    return nn.functional.gelu(x @ W_1 + b_1) @ W_2 + b_2


# --- PreLNBlock


@misconception(
    "PreLNBlock",
    "Give your block sublayers that answer 0: the stream comes out normalised. To what do you add: to the stream, or "
    "to the copy that was made for reading?",
)
class AddsToTheCopy(my.PostLNBlock):
    def forward(self, x, mask=None):
        x = self.norm_1(x)
        x = x + self.attention(x, mask)
        x = self.norm_2(x)
        return x + self.ff_out(torch.relu(self.ff_in(x)))


@misconception(
    "PreLNBlock",
    "Your result has been through norm_2 at the very end. What you have built is the order of 2017: does the norm "
    "belong to the stream, or to what reads it?",
)
class NormalisesTheStream(my.PostLNBlock):
    def forward(self, x, mask=None):
        x = self.norm_1(x + self.attention(x, mask))
        return self.norm_2(x + self.ff_out(torch.relu(self.ff_in(x))))


@misconception(
    "PreLNBlock",
    "Where both sublayers answer 0, your block answers 0 (or a bias) too: the stream ends here. How often does a plus "
    "stand in the two equations?",
)
class WithoutResiduals(my.PostLNBlock):
    def forward(self, x, mask=None):
        x = self.attention(self.norm_1(x), mask)
        return self.ff_out(torch.relu(self.ff_in(self.norm_2(x))))


@misconception(
    "PreLNBlock",
    "Your feed-forward never sees what attention has found: both read the same x. In the second equation, whose norm "
    "is taken?",
)
class BothReadTheSame(my.PostLNBlock):
    def forward(self, x, mask=None):
        attended = self.attention(self.norm_1(x), mask)
        return x + attended + self.ff_out(torch.relu(self.ff_in(self.norm_2(x))))


@misconception(
    "PreLNBlock",
    "The attention's answer is lost again: your second sum starts from x as it came in. From where does the second "
    "equation go on?",
)
class ForgetsTheFirstSum(my.PostLNBlock):
    def forward(self, x, mask=None):
        t = x + self.attention(self.norm_1(x), mask)
        return x + self.ff_out(torch.relu(self.ff_in(self.norm_2(t))))


@misconception(
    "PreLNBlock",
    "One of your norms does the work of both: the learned numbers of norm_2 change nothing. Which norm stands in "
    "front of the feed-forward?",
)
class OneNormForBoth(my.PostLNBlock):
    def forward(self, x, mask=None):
        x = x + self.attention(self.norm_1(x), mask)
        return x + self.ff_out(torch.relu(self.ff_in(self.norm_1(x))))


@misconception(
    "PreLNBlock",
    "The learned numbers of norm_2 change nothing: your feed-forward reads the stream as it is. What does it read in "
    "the second equation?",
)
class FeedForwardUnnormalised(my.PostLNBlock):
    def forward(self, x, mask=None):
        x = x + self.attention(self.norm_1(x), mask)
        return x + self.ff_out(torch.relu(self.ff_in(x)))


@misconception(
    "PreLNBlock",
    "Between ff_in and ff_out there is no nonlinearity, so the two could be one matrix. What did feed_forward do "
    "there?",
)
class WithoutTheReLU(my.PostLNBlock):
    def forward(self, x, mask=None):
        x = x + self.attention(self.norm_1(x), mask)
        return x + self.ff_out(self.ff_in(self.norm_2(x)))


@misconception(
    "PreLNBlock",
    "Without a mask all is right; with one, your result is the same as without. Where does the mask have to go, from "
    "`forward` on?",
)
class ForgetsTheMask(my.PostLNBlock):
    def forward(self, x, mask=None):
        x = x + self.attention(self.norm_1(x))
        return x + self.ff_out(torch.relu(self.ff_in(self.norm_2(x))))


@misconception(
    "PreLNBlock",
    "Your attention hides the future whatever the caller says. Where does your `__init__` use its last argument?",
)
class AlwaysCausal(my.PostLNBlock):
    def __init__(self, d_model, n_heads, d_ff, causal=True):
        super().__init__(d_model, n_heads, d_ff)

    def forward(self, x, mask=None):
        x = x + self.attention(self.norm_1(x), mask)
        return x + self.ff_out(torch.relu(self.ff_in(self.norm_2(x))))


@misconception(
    "PreLNBlock",
    "In a sentence, early words know what comes later. What does MultiHeadAttention do about the future if it isn't "
    "told anything?",
)
class NeverCausal(my.PostLNBlock):
    def __init__(self, d_model, n_heads, d_ff, causal=True):
        super().__init__(d_model, n_heads, d_ff, False)

    def forward(self, x, mask=None):
        x = x + self.attention(self.norm_1(x), mask)
        return x + self.ff_out(torch.relu(self.ff_in(self.norm_2(x))))


# --- PostLNBlock


@misconception(
    "PostLNBlock",
    "Your result isn't normalised: this is the block that you had before. Where is each norm in these two equations?",
)
class StillPreLN(my.PreLNBlock):
    def forward(self, x, mask=None):
        x = x + self.attention(self.norm_1(x), mask)
        return x + self.ff_out(torch.relu(self.ff_in(self.norm_2(x))))


@misconception(
    "PostLNBlock",
    "You normalise what is added, and not the sum: the stream itself passes untouched. What is inside the brackets "
    "of each norm?",
)
class NormalisesTheAnswers(my.PreLNBlock):
    def forward(self, x, mask=None):
        x = x + self.norm_1(self.attention(x, mask))
        return x + self.norm_2(self.ff_out(torch.relu(self.ff_in(x))))


@misconception(
    "PostLNBlock",
    "Your result doesn't remember its input where the sublayers answer 0. The norm has moved; has the plus gone, too?",
)
class PostWithoutResiduals(my.PreLNBlock):
    def forward(self, x, mask=None):
        x = self.norm_1(self.attention(x, mask))
        return self.norm_2(self.ff_out(torch.relu(self.ff_in(x))))


@misconception(
    "PostLNBlock",
    "Your second sum starts from the x that came in, as if norm_1 had never been. What is called t in the equations?",
)
class SecondSumFromTheInput(my.PreLNBlock):
    def forward(self, x, mask=None):
        t = self.norm_1(x + self.attention(x, mask))
        return self.norm_2(x + self.ff_out(torch.relu(self.ff_in(t))))


OneNormAtTheEnd = misconception(
    "PostLNBlock",
    "norm_1 leaves no trace in your result; there is one norm at the end, for both sums. How many are there in the "
    "equations?",
    change=("self.norm_1(x + self.attention(x, mask))", "x + self.attention(x, mask)"),
)


@misconception(
    "PostLNBlock",
    "Your two norms are swapped: with gains of 1 nobody would notice. Which one follows the attention?",
)
class NormsSwapped(my.PreLNBlock):
    def forward(self, x, mask=None):
        x = self.norm_2(x + self.attention(x, mask))
        return self.norm_1(x + self.ff_out(torch.relu(self.ff_in(x))))


@misconception(
    "PostLNBlock",
    "You normalise both before and after: attention should read the stream itself here. How often does norm_1 stand "
    "in the first equation?",
)
class NormsBeforeAndAfter(my.PreLNBlock):
    def forward(self, x, mask=None):
        x = self.norm_1(x + self.attention(self.norm_1(x), mask))
        return self.norm_2(x + self.ff_out(torch.relu(self.ff_in(self.norm_2(x)))))


PostForgetsTheMask = misconception(
    "PostLNBlock",
    "Padding has no effect on your block: the mask that `forward` is given never arrives. Who has to hear of it?",
    change=("(x + self.attention(x, mask))", "(x + self.attention(x))"),
)


# --- LMHead


Untied = misconception(
    "LMHead",
    "Your head has a matrix of its own, which knows nothing of the embeddings. Count its parameters: how many should "
    "a tied head have?",
    change=[
        (
            "self.embeddings = embeddings",
            "vocab_size, d_model = embeddings.tokens.weight.shape\n"
            "self.out = nn.Linear(d_model, vocab_size, bias=False)",
        ),
        ("x @ self.embeddings.tokens.weight.T", "self.out(x)"),
    ],
)


KeepsACopy = misconception(
    "LMHead",
    "At first your logits are right; once the embeddings have been trained, they are those of yesterday. What do you "
    "keep in `__init__`: the table, or a copy of it?",
    change=[
        ("embeddings = embeddings", 'register_buffer("table", embeddings.tokens.weight.detach().clone())'),
        ("embeddings.tokens.weight", "table"),
    ],
)


CutsOffTheGradient = misconception(
    "LMHead",
    "Your logits are right, but the table gets no gradient from them. What does `detach` (or `.data`) cut off?",
    change=("weight.T", "weight.detach().T"),
)


SoftmaxIncluded = misconception(
    "LMHead",
    "Your numbers are positive and add up to 1: those are probabilities. What does the docstring promise, and who "
    "takes the softmax?",
    change=("x @ self.embeddings.tokens.weight.T", "torch.softmax(x @ self.embeddings.tokens.weight.T, dim=-1)"),
)


TransposesOnce = misconception(
    "LMHead",
    "All is right until the model moves, to a GPU or another precision: then your transposed table is still the one of "
    "before. Keep the embeddings, and transpose when?",
    change=[("embeddings = embeddings", "table = embeddings.tokens.weight.T"), ("embeddings.tokens.weight.T", "table")],
)


ReadsThePositions = misconception(
    "LMHead",
    "You compare the stream with the places, and not with the words. Which of the two tables has a row for each token?",
    change=(".tokens.", ".positions."),
)


NotTransposed = misconception(
    "LMHead",
    "The table is (vocab_size, d_model), and you multiply x by it as it is: the inner sizes don't match. Which way "
    "round does it lead from d_model to vocab_size?",
    change=("weight.T", "weight"),
)


WithABias = misconception(
    "LMHead",
    "Your logits are right, so far. But your head brings a number for each word that isn't in the embeddings: what is "
    "added after the product, once training has changed it?",
    change=[
        (
            "self.embeddings = embeddings",
            "self.embeddings = embeddings\nself.bias = nn.Parameter(torch.zeros(len(embeddings.tokens.weight)))",
        ),
        ("weight.T", "weight.T + self.bias"),
    ],
)

"""Unit 12_encoders_seq2seq against torch's own layers, transformers and BERT's figures: lesson and fallbacks alike."""

import numpy as np
import pytest
import torch
from torch import nn

from lecture_lib.fallbacks import encoders_seq2seq as fallbacks
from lecture_lib.fallbacks.transformer_lm import TransformerLM
from lecture_lib.models.config import Config

UNIT = "12_encoders_seq2seq"
B, S, T, D_MODEL, N_HEADS, D_FF = 3, 6, 4, 12, 3, 20
PAD, BOS, EOS, VOCAB = 0, 1, 2, 17
CONFIG = Config(VOCAB, 10, D_MODEL, N_HEADS, n_layers=2, d_ff=D_FF, pad_id=PAD)


def drawn(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def words(*shape):
    return torch.randint(3, VOCAB, shape)


def scattered(module):
    """The module in float64, with every parameter drawn anew, norms included."""
    module = module.double()
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            is_gain = "norm" in name and name.endswith("weight")
            parameter.copy_(drawn(*parameter.shape) / parameter.shape[-1] ** 0.5 + is_gain)
    return module


# -------------------------------------------------------------------- torch's layers with our weights


def copy_attention(theirs, ours):
    theirs.in_proj_weight.copy_(torch.cat([W.weight for W in (ours.W_q, ours.W_k, ours.W_v)]))
    theirs.out_proj.weight.copy_(ours.W_o.weight)
    theirs.in_proj_bias.zero_()
    theirs.out_proj.bias.zero_()


@torch.no_grad()
def torch_layer(block):
    """torch's own layer, for an encoder or, if the block asks a memory, for a decoder."""
    is_decoder = hasattr(block, "cross")
    Layer = nn.TransformerDecoderLayer if is_decoder else nn.TransformerEncoderLayer
    layer = Layer(D_MODEL, N_HEADS, D_FF, dropout=0.0, batch_first=True, norm_first=True).double()
    copy_attention(layer.self_attn, block.attention)
    pairs = {"norm1": "norm_1", "norm2": "norm_2", "linear1": "ff_in", "linear2": "ff_out"}
    if is_decoder:
        copy_attention(layer.multihead_attn, block.cross)
        pairs["norm3"] = "norm_3"
    for theirs, ours in pairs.items():
        getattr(layer, theirs).load_state_dict(getattr(block, ours).state_dict())
    return layer


def through(blocks, norm, x, *memory, **masks):
    for block in blocks:
        x = torch_layer(block)(x, *memory, **masks)
    return norm(x)


def additive(is_pad):
    return torch.zeros(is_pad.shape, dtype=torch.float64).masked_fill(is_pad, -torch.inf)[:, None]


def future(length):
    return torch.ones(length, length, dtype=torch.bool).triu(1)


def test_an_encoder_block_is_torch_s_layer_with_the_same_weights(answers):
    block, x = scattered(answers.EncoderBlock(D_MODEL, N_HEADS, D_FF)), 2.0 * drawn(B, S, D_MODEL)
    is_pad = torch.arange(S) >= torch.tensor([6, 4, 1])[:, None]
    assert torch.allclose(block(x), torch_layer(block)(x))
    assert torch.allclose(block(x, additive(is_pad)), torch_layer(block)(x, src_key_padding_mask=is_pad))


def test_a_decoder_block_is_torch_s_layer_with_the_same_weights(answers):
    block = scattered(answers.DecoderBlock(D_MODEL, N_HEADS, D_FF))
    y, memory = 2.0 * drawn(B, T, D_MODEL), 2.0 * drawn(B, S, D_MODEL) + 1.0
    is_pad = torch.arange(S) >= torch.tensor([6, 4, 1])[:, None]
    theirs = torch_layer(block)
    assert torch.allclose(block(y, memory), theirs(y, memory, tgt_mask=future(T)))
    expected = theirs(y, memory, tgt_mask=future(T), memory_key_padding_mask=is_pad)
    assert torch.allclose(block(y, memory, additive(is_pad)), expected)


def test_a_masked_lm_is_a_stack_of_torch_s_encoder_layers(answers):
    model, ids = scattered(answers.MaskedLM(CONFIG)), words(B, S)
    ids[1, 4:], ids[2, 1:] = PAD, PAD
    vectors = through(model.blocks, model.norm, model.embeddings(ids), src_key_padding_mask=ids == PAD)
    assert torch.allclose(model.encode(ids), vectors)
    assert torch.allclose(model(ids), vectors @ model.embeddings.tokens.weight.T)


def test_a_seq2seq_is_an_encoder_and_a_decoder_of_torch_s_layers(answers):
    model, source, target = scattered(answers.Seq2Seq(CONFIG)), words(B, S), words(B, T)
    source[1, 4:], source[2, 1:] = PAD, PAD
    is_pad = source == PAD
    memory = through(model.encoder, model.encoder_norm, model.embeddings(source), src_key_padding_mask=is_pad)
    masks = {"tgt_mask": future(T), "memory_key_padding_mask": is_pad}
    y = through(model.decoder, model.norm, model.embeddings(target), memory, **masks)
    assert torch.allclose(model.encode(source)[0], memory)
    assert torch.allclose(model(source, target), y @ model.embeddings.tokens.weight.T)


def test_the_blocks_of_bert_large_have_the_published_number_of_parameters(answers):
    with torch.device("meta"):
        model = answers.MaskedLM(Config(30_000, 512, d_model=1024, n_heads=16, n_layers=24, d_ff=4096))
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(340e6, rel=0.03)


# -------------------------------------------------------------------- masked tokens


def agrees(found, expected):
    """Pearson's chi-squared, at most six of its standard deviations above its mean."""
    freedom = len(found) - 1
    return ((np.array(found) - expected) ** 2 / expected).sum() < freedom + 6 * (2 * freedom) ** 0.5


def kinds_of(ids, inputs, targets, mask_id):
    """How many tokens show the mask, another word, themselves though asked for, and are not asked for."""
    asked = targets != -100
    shows = [inputs == mask_id, (inputs != ids) & (inputs != mask_id), inputs == ids]
    return [int((asked & kind).sum()) for kind in shows] + [int((~asked).sum())]


@pytest.mark.parametrize("rate", [0.15, 0.5])
def test_of_the_chosen_80_10_10_are_masked_random_and_kept(answers, rate):
    ids, vocab_size = torch.randint(50, (300, 200)), 51
    found = kinds_of(ids, *answers.mask_tokens(ids, np.random.default_rng(3), 50, vocab_size, rate), mask_id=50)
    masked, others, kept = 0.8 + 0.1 / vocab_size, 0.1 * (1 - 2 / vocab_size), 0.1 + 0.1 / vocab_size
    expected = ids.numel() * np.array([rate * masked, rate * others, rate * kept, 1 - rate])
    assert agrees(found, expected)


def test_random_words_are_uniform_over_the_vocabulary(answers):
    ids = torch.full((200, 200), 4)
    inputs, _ = answers.mask_tokens(ids, np.random.default_rng(5), 0, 20, 1.0)
    counts = np.bincount(inputs.flatten(), minlength=20)
    counts = np.delete(counts, [0, 4])  # these two stand there for other reasons, too
    assert agrees(counts, np.full(18, counts.mean()))


def test_whether_a_token_is_chosen_says_nothing_about_its_neighbours(answers):
    _, targets = answers.mask_tokens(torch.ones(400, 100, dtype=torch.long), np.random.default_rng(7), 0, 9, 0.3)
    asked = (targets != -100).numpy()
    for one, other in ((asked[:, :-1], asked[:, 1:]), (asked[:-1], asked[1:])):
        correlation = np.corrcoef(one.ravel(), other.ravel())[0, 1]
        assert abs(correlation) < 5 / one.size**0.5


def test_masking_keeps_the_answers_and_the_callers_text(answers):
    ids = words(40, 30)
    before = ids.clone()
    inputs, targets = answers.mask_tokens(ids, np.random.default_rng(9), PAD, VOCAB)
    asked = targets != -100
    assert torch.equal(ids, before)
    assert torch.equal(targets[asked], ids[asked])
    assert torch.equal(inputs[~asked], ids[~asked])


# -------------------------------------------------------------------- additive attention, shift, translation


def test_additive_attention_is_bahdanau_s_formula_term_by_term(answers):
    query, keys, W, U, v = drawn(5), drawn(S, 7), drawn(5, 4), drawn(7, 4), drawn(4)
    sums = [[query @ W[:, a] + keys[s] @ U[:, a] for a in range(4)] for s in range(S)]
    scores = [sum(v[a].item() * np.tanh(x.item()) for a, x in enumerate(row)) for row in sums]
    shares = np.exp(scores) / np.exp(scores).sum()
    context, weights = answers.additive_attention(query, keys, W, U, v)
    assert np.allclose(weights, shares)
    assert np.allclose(context, sum(share * key for share, key in zip(shares, keys.numpy())))


def test_additive_attention_on_a_batch_is_that_on_each_sentence_without_its_padding(answers):
    query, keys, W, U, v = drawn(B, 5), drawn(B, S, 7), drawn(5, 4), drawn(7, 4), drawn(4)
    lengths = [6, 4, 1]
    mask = additive(torch.arange(S) >= torch.tensor(lengths)[:, None])[:, 0]
    contexts, weights = answers.additive_attention(query, keys, W, U, v, mask)
    for b, n in enumerate(lengths):
        context, alone = answers.additive_attention(query[b], keys[b, :n], W, U, v)
        assert torch.allclose(contexts[b], context)
        assert torch.allclose(weights[b, :n], alone)
        assert not weights[b, n:].any()


def test_shift_right_is_that_of_bart_in_transformers(answers):
    bart = pytest.importorskip("transformers.models.bart.modeling_bart")
    targets = words(B, T)
    expected = bart.shift_tokens_right(targets, pad_token_id=PAD, decoder_start_token_id=BOS)
    before = targets.clone()
    assert torch.equal(answers.shift_right(targets, BOS), expected)
    assert torch.equal(targets, before)


def test_each_word_of_a_translation_is_the_likeliest_after_those_before_it(answers):
    model = scattered(fallbacks.Seq2Seq(CONFIG)).eval()
    for parameter in model.parameters():
        parameter.data *= 2.0  # so that not all rows repeat one word
    source, most = words(8, S), 9
    rows = answers.translate(model, source, BOS, EOS, most)
    for s, row in zip(source, rows):
        read = torch.tensor([[BOS, *row]])[:, : most + (len(row) < most)]
        best = model(s[None], read)[0].argmax(-1).tolist()
        assert best[: len(row)] == row
        assert len(row) == most or best[len(row)] == EOS


class Scripted:
    """Writes the numbers given to it, whatever has been read and written."""

    def __init__(self, rows):
        self.rows, self.read, self.encoded = torch.tensor(rows), [], 0

    def encode(self, source):
        self.encoded += 1
        return source

    def decode(self, target, memory):
        self.read.append(target.tolist())
        return nn.functional.one_hot(self.rows[:, : target.shape[1]], VOCAB).double()


def test_a_translation_ends_before_eos_and_no_row_waits_for_another(answers):
    model = Scripted([[5, EOS, 6, 6, 6], [EOS, EOS, 7, 7, 7], [8, 9, 8, EOS, 9]])
    assert answers.translate(model, words(3, S), BOS, EOS, 5) == [[5], [], [8, 9, 8]]
    assert (model.encoded, len(model.read)) == (1, 4)
    assert answers.translate(model, words(3, S), BOS, EOS, 2) == [[5], [], [8, 9]]


def test_the_parts_together_learn_to_write_backwards(answers):
    model = answers.Seq2Seq(CONFIG).train()
    source = words(8, 5)
    target = torch.cat([source.flip(1), torch.full((8, 1), EOS)], 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(150):
        logits = model(source, answers.shift_right(target, BOS))
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), target.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert answers.translate(model, source, BOS, EOS, 8) == source.flip(1).tolist()


# -------------------------------------------------------------------- polls


def places_heard(logits, *vectors):
    """At place 3 (counted from 1): from which places of each text a gradient comes."""
    grads = torch.autograd.grad(logits[0, 2].square().sum(), vectors)
    return [[place + 1 for place, g in enumerate(grad[0]) if g.abs().sum() > 1e-12] for grad in grads]


def test_the_answer_to_the_poll_on_who_sees_what_is_where_gradients_come_from(reference, as_written):
    texts = {}
    for name, model in {"encoder": reference.MaskedLM(CONFIG), "lm": TransformerLM(CONFIG)}.items():
        model = scattered(model)
        caught = []
        model.embeddings.register_forward_hook(lambda module, ids, x, caught=caught: caught.append(x))
        texts[name] = places_heard(model(words(1, 6)), *caught)
    model, caught = scattered(reference.Seq2Seq(CONFIG)), []
    model.embeddings.register_forward_hook(lambda module, ids, x: caught.append(x))
    texts["translator"] = places_heard(model(words(1, 5), words(1, 6)), *caught)
    assert texts == {"encoder": [[1, 2, 3, 4, 5, 6]], "lm": [[1, 2, 3]], "translator": [[1, 2, 3, 4, 5], [1, 2, 3]]}
    assert as_written("who_sees_what", reference.who_sees_what) == "C"


def test_the_answer_to_the_poll_on_kept_words_agrees_with_their_targets(reference, as_written):
    ids = words(100, 100)
    inputs, targets = reference.mask_tokens(ids, np.random.default_rng(0), PAD, VOCAB)
    kept = (targets != -100) & (inputs == ids)
    assert 0.05 < kept.sum() / (targets != -100).sum() < 0.2  # so they do count in the loss
    assert as_written("why_keep_some", reference.why_keep_some) == "B"


def test_the_answer_to_the_poll_on_the_bottleneck_counts_what_an_rnn_hands_on(reference, as_written):
    counts = []
    for length in (5, 50):
        states, last = nn.GRU(8, 64, batch_first=True)(torch.zeros(1, length, 8))
        counts.append((last.numel(), states.numel()))
    assert counts == [(64, 320), (64, 3200)]
    assert as_written("bottleneck", reference.bottleneck) == "D"


def test_the_answer_to_the_poll_on_teacher_forcing_is_what_the_decoder_reads(reference, as_written):
    right, guesses = torch.tensor([[5, 6, 7, 8]]), [[5, 6, 9, 8]]  # wrong at place 3
    model = Scripted(guesses)
    reference.translate(model, words(1, S), BOS, EOS, 4)
    assert reference.shift_right(right, BOS)[0, 3] == 7
    assert model.read[3][0][3] == 9
    assert as_written("teacher_forcing", reference.teacher_forcing) == "A"

"""Unit 08_transformer_block against torch, transformers and the papers' formulas: lesson and fallbacks alike."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from lecture_lib.fallbacks import transformer_block as fallbacks

UNIT = "08_transformer_block"
B, T, D_MODEL, N_HEADS, D_FF = 2, 5, 12, 3, 20


def drawn(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def scattered(module):
    """The module in float64, with every parameter drawn anew, norms included."""
    module = module.double()
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(drawn(*parameter.shape) / parameter.shape[-1] ** 0.5 + (name.endswith("norm_1.weight")))
    return module


# -------------------------------------------------------------------- positions


def test_sinusoids_are_those_of_the_formula_cell_by_cell(answers):
    table = answers.sinusoidal_positions(40, 10)
    assert table.shape == (40, 10)
    for t, j in np.ndindex(40, 10):
        angle = t / 10_000 ** (2 * (j // 2) / 10)
        assert table[t, j].item() == pytest.approx(math.cos(angle) if j % 2 else math.sin(angle), abs=1e-4)


def test_sinusoids_have_products_that_are_sums_of_cosines_of_the_distance(answers):
    table = answers.sinusoidal_positions(30, 16).double()
    speeds = 10_000.0 ** (-np.arange(0, 16, 2) / 16)
    expected = [[np.cos((t - s) * speeds).sum() for t in range(30)] for s in range(30)]
    assert np.allclose(table @ table.T, expected, atol=1e-3)


def test_rope_is_a_product_of_complex_numbers(answers):
    q, positions, theta = drawn(2, 3, T, 8), torch.tensor([4, 0, 17, 300, 5]), 500.0
    turned = answers.apply_rope(q, positions, theta).numpy()
    hands = q.numpy()[..., :4] + 1j * q.numpy()[..., 4:]
    expected = hands * np.exp(1j * positions.numpy()[:, None] * theta ** (-np.arange(4) / 4))
    assert np.allclose(turned, np.concatenate([expected.real, expected.imag], -1), atol=1e-5)


def test_rope_is_that_of_the_llama_models_in_transformers(answers):
    pytest.importorskip("transformers")
    from transformers import LlamaConfig
    from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb

    config = LlamaConfig(hidden_size=32, num_attention_heads=4, max_position_embeddings=64)
    q, k, positions = torch.randn(B, 4, T, 8), torch.randn(B, 4, T, 8), torch.arange(20, 20 + T)
    cos, sin = LlamaRotaryEmbedding(config)(q, positions[None])
    for ours, theirs in zip((q, k), apply_rotary_pos_emb(q, k, cos, sin)):
        assert torch.allclose(answers.apply_rope(ours, positions), theirs, atol=1e-4)


def test_rope_leaves_a_score_alone_when_query_and_key_move_together(answers):
    q, k = drawn(1, 8), drawn(1, 8)
    at = [answers.apply_rope(q, torch.tensor([s])) @ answers.apply_rope(k, torch.tensor([s + 3])).T for s in (0, 9, 90)]
    assert torch.allclose(at[0], at[1], atol=1e-4)
    assert torch.allclose(at[0], at[2], atol=1e-3)


def test_embeddings_are_two_look_ups_and_a_sum(answers):
    layer = scattered(answers.Embeddings(11, 9, D_MODEL))
    ids = torch.randint(11, (B, T))
    x = layer(ids, start=4)
    for b, t in np.ndindex(B, T):
        assert torch.equal(x[b, t], layer.tokens.weight[ids[b, t]] + layer.positions.weight[4 + t])


def test_the_rest_of_a_text_has_the_vectors_that_it_has_in_the_whole(answers):
    layer, ids = answers.Embeddings(11, 9, D_MODEL), torch.randint(11, (B, 9))
    assert torch.equal(layer(ids)[:, 6:], layer(ids[:, 6:], start=6))


# -------------------------------------------------------------------- norm and feed-forward


@pytest.mark.parametrize("eps", [1e-5, 0.7])
def test_layer_norm_is_torch_s_for_any_leading_dimensions(answers, eps):
    for shape in ((6,), (T, 6), (B, T, 6)):
        theirs = scattered(nn.LayerNorm(6, eps=eps))
        x = 3.0 * drawn(*shape) + 5.0
        assert torch.allclose(answers.layer_norm(x, theirs.weight, theirs.bias, eps), theirs(x))


def test_the_gradient_of_layer_norm_is_torch_s(answers):
    theirs, x = scattered(nn.LayerNorm(6)), drawn(T, 6).requires_grad_()
    weights = drawn(T, 6)
    grads = [
        torch.autograd.grad((f(x) * weights).sum(), x)[0]
        for f in (theirs, lambda x: answers.layer_norm(x, theirs.weight, theirs.bias, theirs.eps))
    ]
    assert torch.allclose(*grads)


def test_feed_forward_is_a_stack_of_torch_s_layers(answers):
    theirs = scattered(nn.Sequential(nn.Linear(D_MODEL, D_FF), nn.ReLU(), nn.Linear(D_FF, D_MODEL)))
    x, (first, _, second) = drawn(B, T, D_MODEL), theirs
    ours = answers.feed_forward(x, first.weight.T, first.bias, second.weight.T, second.bias)
    assert torch.allclose(ours, theirs(x))


# -------------------------------------------------------------------- blocks


def torch_layer(block, norm_first):
    """torch's own layer with the weights of our block."""
    layer = nn.TransformerEncoderLayer(D_MODEL, N_HEADS, D_FF, dropout=0.0, batch_first=True, norm_first=norm_first)
    layer = layer.double()
    attention = block.attention
    with torch.no_grad():
        layer.self_attn.in_proj_weight.copy_(
            torch.cat([W.weight for W in (attention.W_q, attention.W_k, attention.W_v)])
        )
        layer.self_attn.in_proj_bias.zero_()
        layer.self_attn.out_proj.weight.copy_(attention.W_o.weight)
        layer.self_attn.out_proj.bias.zero_()
        for theirs, ours in (
            (layer.norm1, block.norm_1),
            (layer.norm2, block.norm_2),
            (layer.linear1, block.ff_in),
            (layer.linear2, block.ff_out),
        ):
            theirs.load_state_dict(ours.state_dict())
    return layer


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("name", ["PreLNBlock", "PostLNBlock"])
def test_a_block_is_torch_s_layer_with_the_same_weights(answers, name, causal):
    block = scattered(getattr(answers, name)(D_MODEL, N_HEADS, D_FF, causal))
    theirs = torch_layer(block, norm_first=name == "PreLNBlock")
    x = 2.0 * drawn(B, T, D_MODEL)
    hidden = torch.ones(T, T, dtype=torch.bool).triu(1) if causal else None
    assert torch.allclose(block(x), theirs(x, src_mask=hidden))


@pytest.mark.parametrize("name", ["PreLNBlock", "PostLNBlock"])
def test_a_block_hides_padding_as_torch_s_layer_does(answers, name):
    block = scattered(getattr(answers, name)(D_MODEL, N_HEADS, D_FF, causal=False))
    x, is_pad = drawn(B, T, D_MODEL), torch.tensor([[False] * 3 + [True] * 2, [False] * 5])
    mask = torch.zeros(B, 1, T, dtype=torch.float64).masked_fill(is_pad[:, None], -torch.inf)
    expected = torch_layer(block, name == "PreLNBlock").train()(x, src_key_padding_mask=is_pad)
    assert torch.allclose(block(x, mask)[~is_pad], expected[~is_pad])


def test_a_pre_ln_block_is_the_gpt2_block_of_transformers(answers):
    transformers = pytest.importorskip("transformers")
    from transformers.models.gpt2.modeling_gpt2 import GPT2Block

    config = transformers.GPT2Config(
        n_embd=D_MODEL, n_head=N_HEADS, n_inner=D_FF, n_positions=16, activation_function="relu",
        attn_pdrop=0.0, resid_pdrop=0.0, embd_pdrop=0.0, attn_implementation="eager",
    )  # fmt: skip
    block, theirs = scattered(answers.PreLNBlock(D_MODEL, N_HEADS, D_FF)), GPT2Block(config, layer_idx=0).double()
    attention = block.attention
    with torch.no_grad():
        theirs.attn.c_attn.weight.copy_(
            torch.cat([W.weight.T for W in (attention.W_q, attention.W_k, attention.W_v)], 1)
        )
        theirs.attn.c_proj.weight.copy_(attention.W_o.weight.T)
        theirs.attn.c_attn.bias.zero_()
        theirs.attn.c_proj.bias.zero_()
        for conv, linear in ((theirs.mlp.c_fc, block.ff_in), (theirs.mlp.c_proj, block.ff_out)):
            conv.weight.copy_(linear.weight.T)
            conv.bias.copy_(linear.bias)
        theirs.ln_1.load_state_dict(block.norm_1.state_dict())
        theirs.ln_2.load_state_dict(block.norm_2.state_dict())
    x = 2.0 * drawn(B, T, D_MODEL)
    future = torch.full((T, T), torch.finfo(torch.float64).min, dtype=torch.float64).triu(1)[None, None]
    found = theirs(x, attention_mask=future)
    assert torch.allclose(block(x), found[0] if isinstance(found, tuple) else found)


def test_only_the_pre_ln_stream_passes_silent_sublayers_unchanged(answers):
    x = drawn(B, T, D_MODEL)
    for name, unchanged in (("PreLNBlock", True), ("PostLNBlock", False)):
        block = getattr(answers, name)(D_MODEL, N_HEADS, D_FF).double()
        with torch.no_grad():
            for part in (block.attention.W_o.weight, block.ff_out.weight, block.ff_out.bias):
                part.zero_()
        assert torch.equal(block(x), x) is unchanged


# -------------------------------------------------------------------- the head


def test_logits_are_the_products_with_every_embedding(answers):
    embeddings, x = scattered(answers.Embeddings(11, 9, D_MODEL)), drawn(B, T, D_MODEL)
    logits = answers.LMHead(embeddings)(x)
    assert logits.shape == (B, T, 11)
    for v in range(11):
        assert torch.allclose(logits[..., v], (x * embeddings.tokens.weight[v]).sum(-1))


def test_the_table_learns_from_both_of_its_uses(answers):
    embeddings = answers.Embeddings(11, 9, D_MODEL).double()
    ids = torch.tensor([[3, 3, 7]])
    answers.LMHead(embeddings)(embeddings(ids)).sum().backward()
    rows = embeddings.tokens.weight.grad.abs().sum(-1)
    assert (rows > 0).all()
    x, table = embeddings(ids).detach(), embeddings.tokens.weight.detach()
    expected = x.sum((0, 1)) + torch.zeros_like(table).index_add_(0, ids[0], table.sum(0).expand(3, -1))
    assert torch.allclose(embeddings.tokens.weight.grad, expected)


# -------------------------------------------------------------------- polls


def test_the_answer_to_the_poll_on_word_order_follows_from_attention_itself(reference, as_written):
    x = dict(zip(["the", "man", "ate", "fish"], drawn(4, 1, D_MODEL)))
    attention = scattered(fallbacks.MultiHeadAttention(D_MODEL, N_HEADS))
    first, second = (
        dict(zip(words, attention(torch.stack([x[w] for w in words], 1))[0]))
        for words in (["the", "man", "ate", "the", "fish"], ["the", "fish", "ate", "the", "man"])
    )
    assert all(torch.allclose(first[word], second[word]) for word in x)
    assert as_written("word_order", reference.word_order) == "A"


def test_the_answer_to_the_poll_on_means_is_the_shape_of_the_means(reference, as_written):
    assert torch.zeros(20, 5, 10).mean(-1).numel() == 100
    assert as_written("layer_norm_means", reference.layer_norm_means) == "B"


def test_the_answer_to_the_poll_on_the_moved_sentence_follows_from_rope(reference, as_written):
    q, k = drawn(1, 8), drawn(1, 8)
    here, moved = (
        reference.apply_rope(q, torch.tensor([2 + far])) @ reference.apply_rope(k, torch.tensor([3 + far])).T
        for far in (0, 100)
    )
    assert torch.allclose(here, moved, atol=1e-6)
    assert as_written("moved_sentence", reference.moved_sentence) == "C"

"""Encoder and decoder against torch's own transformer, and on a task that needs both."""

import pytest
import torch
from torch import nn

from lecture_lib.models import Config, Seq2Seq

SHAPE = Config(
    vocab_size=21, block_size=16, d_model=24, n_heads=4, n_layers=2, form="encoder-decoder", activation="relu"
)


def random_ids(B, T):
    return torch.randint(2, 21, (B, T))


def torchs_own(model: Seq2Seq) -> nn.Transformer:
    """nn.Transformer with the weights of `model`."""
    c = model.config
    theirs = nn.Transformer(
        c.d_model, c.n_heads, c.n_layers, c.n_layers, c.d_ff, 0.0, batch_first=True, norm_first=c.norm_place == "pre"
    )
    tensors = {}

    def carry(name, part):
        tensors.update({f"{name}weight": part.weight, f"{name}bias": part.bias})

    for side, blocks in (("encoder", model.encoder), ("decoder", model.decoder)):
        carry(f"{side}.norm.", blocks.norm)
        for layer, block in enumerate(blocks.layers):
            at = f"{side}.layers.{layer}."
            carry(at + "self_attn.in_proj_", block.attention.qkv)
            carry(at + "self_attn.out_proj.", block.attention.out)
            carry(at + "linear1.", block.feed_forward.up)
            carry(at + "linear2.", block.feed_forward.down)
            carry(at + "norm1.", block.attention_norm)
            carry(at + ("norm2." if side == "encoder" else "norm3."), block.feed_forward_norm)
            if side == "decoder":
                cross = block.cross_attention
                carry(at + "norm2.", block.cross_norm)
                carry(at + "multihead_attn.out_proj.", cross.out)
                tensors[at + "multihead_attn.in_proj_weight"] = torch.cat((cross.q.weight, cross.kv.weight))
                tensors[at + "multihead_attn.in_proj_bias"] = torch.cat((cross.q.bias, cross.kv.bias))
    theirs.load_state_dict(tensors)
    return theirs


def test_logits_equal_those_of_torchs_own_transformer():
    model = Seq2Seq(SHAPE.changed(pad_id=0))
    for parameter in model.parameters():
        nn.init.normal_(parameter, mean=float(parameter.dim() == 1), std=0.3)
    source, target = random_ids(3, 9), random_ids(3, 6)
    source[1, 5:] = 0
    X, Y = (model.embeddings(ids, torch.arange(ids.shape[1])) for ids in (source, target))
    hidden = source == 0
    causal = nn.Transformer.generate_square_subsequent_mask(6)
    out = torchs_own(model)(X, Y, tgt_mask=causal, src_key_padding_mask=hidden, memory_key_padding_mask=hidden)
    torch.testing.assert_close(model(source, target), model.head(out), atol=1e-4, rtol=1e-4)


def test_the_number_of_parameters_equals_the_formula():
    for changes in ({}, {"norm": "rms", "bias": False, "n_kv_heads": 2}, {"norm_place": "post"}):
        config = SHAPE.changed(**changes)
        assert sum(p.numel() for p in Seq2Seq(config).parameters()) == config.n_params


def test_every_parameter_gets_a_gradient():
    model = Seq2Seq(SHAPE)
    model.loss(random_ids(3, 16), random_ids(3, 17)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_padding_in_the_target_counts_for_nothing():
    model = Seq2Seq(SHAPE.changed(pad_id=0))
    source, target = random_ids(1, 9), random_ids(1, 6)
    longer = torch.cat((target, torch.zeros(1, 3, dtype=torch.long)), 1)
    torch.testing.assert_close(model.loss(source, longer), model.loss(source, target))


def test_cached_generation_equals_reading_all_again_each_time():
    model = Seq2Seq(SHAPE.changed(positions="rope")).eval()
    source = random_ids(3, 9)
    target = torch.ones(3, 1, dtype=torch.long)
    with torch.no_grad():
        for _ in range(8):
            target = torch.cat((target, model(source, target)[:, -1:].argmax(-1)), 1)
    assert model.generate(source, bos_id=1, max_tokens=8) == target[:, 1:].tolist()


@pytest.mark.slow
def test_it_learns_to_reverse_a_sequence():
    model = Seq2Seq(SHAPE.changed(d_model=48))
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for _ in range(600):
        source = random_ids(32, 6)
        target = torch.cat((torch.ones(32, 1, dtype=torch.long), source.flip(1)), 1)
        optimiser.zero_grad()
        model.loss(source, target).backward()
        optimiser.step()
    source = random_ids(50, 6)
    written = torch.tensor(model.generate(source, bos_id=1, max_tokens=6))
    assert (written == source.flip(1)).float().mean() > 0.9


def test_generation_ends_at_block_size():
    model = Seq2Seq(SHAPE).eval()
    source = random_ids(2, 5)
    written = model.generate(source, bos_id=1, max_tokens=SHAPE.block_size + 5)
    assert [len(row) for row in written] == [SHAPE.block_size] * 2

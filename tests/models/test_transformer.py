"""The transformer against `transformers`, torch's own layers, and the formulas it stands for."""

import itertools

import pytest
import torch
from torch import nn

from lecture_lib.models import PRESETS, Config, Seq2Seq, TransformerLM, look_inside
from lecture_lib.models.attention import attend, attention_weights
from lecture_lib.models.interchange import fill, gpt2_config, load_gpt2, unpermute
from lecture_lib.models.positions import rotate, rotation_at, sinusoidal_positions

SMALL = Config(vocab_size=31, block_size=24, d_model=24, n_heads=4, n_layers=2)
VARIANTS = [
    {"norm_place": "post"},
    {"norm": "rms", "bias": False},
    {"positions": "sinusoidal", "activation": "relu"},
    {"positions": "rope", "activation": "swiglu", "n_kv_heads": 2},
    {"positions": "none", "activation": "gelu-tanh", "tied_head": False},
    {"form": "encoder", "pad_id": 0},
]


def names(variant):
    return " ".join(f"{key}={value}" for key, value in variant.items())


def random_ids(B, T, vocab_size=31):
    return torch.randint(1, vocab_size, (B, T))


@pytest.fixture
def transformers():
    return pytest.importorskip("transformers", reason="transformers is a developer's dependency")


def stir(model):
    """Weights large enough for every part to matter, norms included."""
    for parameter in model.parameters():
        nn.init.normal_(parameter, mean=1.0 if parameter.dim() == 1 else 0.0, std=0.3)
    return model.eval()


def test_logits_equal_those_of_gpt2_with_the_same_weights(transformers):
    shape = transformers.GPT2Config(
        vocab_size=31, n_positions=24, n_embd=24, n_head=4, n_layer=3, bos_token_id=0, eos_token_id=0
    )
    theirs = stir(transformers.GPT2LMHeadModel(shape))
    ours = load_gpt2(TransformerLM(gpt2_config(shape)), theirs.state_dict())
    ids = random_ids(3, 17)
    torch.testing.assert_close(ours(ids), theirs(ids).logits, atol=1e-4, rtol=0)


def test_unpermuting_undoes_what_gguf_does_to_llama_rows():
    n_heads, d_k, d_model = 3, 8, 5
    weight = torch.randn(n_heads * d_k, d_model)
    interleaved = weight.reshape(n_heads, 2, d_k // 2, d_model).swapaxes(1, 2).reshape(weight.shape)
    torch.testing.assert_close(unpermute(interleaved, n_heads), weight)


def test_post_ln_encoder_equals_torchs_own_layers():
    config = SMALL.changed(form="encoder", norm_place="post", activation="relu", positions="none")
    model = stir(TransformerLM(config))
    X = torch.randn(2, 9, config.d_model)
    wanted = X
    for block in model.blocks.layers:
        layer = nn.TransformerEncoderLayer(config.d_model, config.n_heads, config.d_ff, 0.0, batch_first=True)
        parts = {
            "self_attn.in_proj_": block.attention.qkv,
            "self_attn.out_proj.": block.attention.out,
            "linear1.": block.feed_forward.up,
            "linear2.": block.feed_forward.down,
            "norm1.": block.attention_norm,
            "norm2.": block.feed_forward_norm,
        }
        layer.load_state_dict(
            {name + kind: getattr(part, kind) for name, part in parts.items() for kind in ("weight", "bias")}
        )
        wanted = layer.train()(wanted)  # its eval mode takes another path; there is no dropout
    torch.testing.assert_close(model.blocks(X, torch.arange(9)), wanted, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("variant", VARIANTS, ids=names)
def test_the_number_of_parameters_equals_the_formula(variant):
    config = SMALL.changed(**variant)
    assert TransformerLM(config).n_params == config.n_params


@pytest.mark.parametrize("variant", VARIANTS, ids=names)
def test_every_parameter_gets_a_gradient(variant):
    model = TransformerLM(SMALL.changed(**variant))
    ids = random_ids(2, 24)
    model.loss(ids, ids.roll(-1, 1)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("variant", VARIANTS[:-1], ids=names)
def test_a_decoder_does_not_see_the_future(variant):
    model = TransformerLM(SMALL.changed(**variant)).eval()
    ids = random_ids(2, 12)
    changed = ids.clone()
    changed[:, 7:] = random_ids(2, 5)
    before, after = model(ids), model(changed)
    torch.testing.assert_close(before[:, :7], after[:, :7])
    assert (before[:, 7:] - after[:, 7:]).abs().max() > 1e-3


def test_an_encoder_sees_the_future_and_not_the_padding():
    model = TransformerLM(SMALL.changed(form="encoder", pad_id=0)).eval()
    ids = random_ids(2, 12)
    padded = torch.cat((ids, torch.zeros(2, 4, dtype=torch.long)), 1)
    torch.testing.assert_close(model(padded)[:, :12], model(ids))
    changed = ids.clone()
    changed[:, -1] = ids[:, -1] % 30 + 1
    assert (model(changed)[:, 0] - model(ids)[:, 0]).abs().max() > 1e-4


def test_without_positions_an_encoder_gives_permuted_outputs_for_permuted_inputs():
    model = TransformerLM(SMALL.changed(form="encoder", positions="none")).eval()
    ids, order = random_ids(2, 9), torch.randperm(9)
    torch.testing.assert_close(model(ids)[:, order], model(ids[:, order]), atol=1e-5, rtol=1e-4)


def test_rope_makes_scores_depend_on_distance_alone():
    q, k = torch.randn(1, 1, 8), torch.randn(1, 1, 8)

    def score(s, t):
        at = [rotation_at(torch.tensor([place]), 8, 100.0) for place in (s, t)]
        return (rotate(q, at[0]) * rotate(k, at[1])).sum()

    torch.testing.assert_close(score(5, 2), score(13, 10), atol=1e-5, rtol=1e-5)
    assert (score(5, 2) - score(5, 3)).abs() > 1e-3


def test_rope_turns_pairs_as_complex_numbers_do():
    x, positions = torch.randn(2, 6, 3, 8), torch.arange(6)
    rates = 100.0 ** (-torch.arange(4) / 4)
    turned = torch.complex(x[..., :4], x[..., 4:]) * torch.polar(
        torch.ones(6, 1, 4), (positions[:, None] * rates)[:, None]
    )
    wanted = torch.cat((turned.real, turned.imag), -1)
    torch.testing.assert_close(rotate(x, rotation_at(positions, 8, 100.0)), wanted)


def test_sinusoidal_positions_follow_their_formula():
    table = sinusoidal_positions(7, 6)
    for t, i in itertools.product(range(7), range(3)):
        angle = torch.tensor(t / 10_000 ** (2 * i / 6))
        torch.testing.assert_close(table[t, 2 * i : 2 * i + 2], torch.stack((angle.sin(), angle.cos())))


def test_the_weights_for_looking_at_are_those_that_the_fused_operator_uses():
    Q, K, V = torch.randn(2, 6, 5, 4), torch.randn(2, 2, 5, 4), torch.randn(2, 2, 5, 4)
    for mask in (None, "causal", torch.rand(2, 1, 5, 5) > 0.5):
        if isinstance(mask, torch.Tensor):
            mask |= torch.eye(5, dtype=torch.bool)
        wanted = attention_weights(Q, K, mask) @ V.repeat_interleave(3, 1)
        torch.testing.assert_close(attend(Q, K, V, mask), wanted)


def test_looking_inside_shows_the_stream_that_leads_to_the_logits():
    model = TransformerLM(SMALL.changed(positions="rope", n_kv_heads=2)).eval()
    ids = random_ids(2, 9)
    inside = look_inside(model, ids)
    assert inside.weights.shape == (2, 2, 4, 9, 9)
    torch.testing.assert_close(inside.weights.sum(-1), torch.ones(2, 2, 4, 9))
    assert inside.weights.triu(1).abs().max() == 0
    torch.testing.assert_close(inside.stream[0], model.embeddings(ids, torch.arange(9)))
    torch.testing.assert_close(model.head(model.blocks.norm(inside.stream[-1])), inside.logits)
    torch.testing.assert_close(inside.logits, model(ids))


def test_initial_logits_keep_their_size_whatever_the_depth():
    for n_layers in (1, 12):
        model = TransformerLM(SMALL.changed(d_model=64, n_layers=n_layers))
        assert 0.5 < model(random_ids(8, 24)).std() < 2


def test_dropout_acts_in_training_alone():
    model = TransformerLM(SMALL.changed(dropout=0.5))
    ids = random_ids(2, 9)
    assert (model(ids) - model(ids)).abs().max() > 0
    model.eval()
    torch.testing.assert_close(model(ids), model(ids))


def test_a_copy_trained_for_a_moment_learns():
    model = TransformerLM(SMALL.changed(positions="rope"))
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    row = random_ids(1, 8).repeat(1, 3)
    before = model.loss(row).item()
    for _ in range(30):
        optimiser.zero_grad()
        model.loss(row).backward()
        optimiser.step()
    assert model.loss(row).item() < 0.2 * before


def test_smollm2_has_its_published_number_of_parameters():
    assert Config.preset("smollm2-135m").n_params == 134_515_008


def test_gpt2_small_has_its_published_number_of_parameters():
    assert Config.preset("gpt2-small").n_params == 124_439_808


@pytest.mark.parametrize("name", PRESETS)
def test_presets_can_be_changed(name):
    config = Config.preset(name, vocab_size=99, n_layers=1, d_model=36 * 12, n_heads=12)
    assert (config.vocab_size, config.n_layers, config.d_model, config.n_kv_heads % 3) == (99, 1, 432, 0)


def test_d_ff_follows_the_width_unless_it_is_given():
    assert SMALL.changed(d_model=48).d_ff == 192
    assert SMALL.changed(activation="swiglu").d_ff == 64
    assert SMALL.changed(d_model=48, d_ff=10).d_ff == 10


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"norm": "batch"}, "norm='batch' is not known; choose one of layer, rms"),
        ({"n_heads": 5}, "does not divide into n_heads=5 equal heads"),
        ({"n_kv_heads": 3}, "groups of n_kv_heads=3"),
        ({"n_heads": 8, "positions": "rope"}, "d_k=3 is odd"),
        ({"n_heads": 0}, "n_heads must be a whole number from 1 on, not 0"),
        ({"d_model": 24.0}, "d_model must be a whole number from 1 on, not 24.0"),
        ({"dropout": 1.5}, "dropout must be from 0 to 1"),
    ],
)
def test_impossible_shapes_get_one_clear_line(changes, message):
    with pytest.raises(ValueError, match=message):
        SMALL.changed(**changes)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: TransformerLM(SMALL)(random_ids(1, 25)), "has 25 tokens, and block_size is 24"),
        (lambda: TransformerLM(SMALL.changed(form="encoder")).loss(random_ids(1, 5)), "give loss"),
        (lambda: TransformerLM(SMALL.changed(form="encoder-decoder")), r"take Seq2Seq\(config\)"),
        (lambda: Config.preset("tiny"), "give preset"),
        (lambda: Config.preset("huge"), "there are tiny, laptop"),
        (lambda: TransformerLM(SMALL).loss(random_ids(1, 1)), "a row needs two tokens"),
        (lambda: TransformerLM(SMALL.changed(form="encoder")).perplexity([[1, 2, 3]]), "give loss"),
    ],
)
def test_mistakes_get_one_clear_line(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_weights_of_another_shape_are_refused(transformers):
    shape = transformers.GPT2Config(
        vocab_size=31, n_positions=24, n_embd=24, n_head=4, n_layer=2, bos_token_id=0, eos_token_id=0
    )
    tensors = transformers.GPT2LMHeadModel(shape).state_dict()
    with pytest.raises(ValueError, match="is the config that of the file"):
        load_gpt2(TransformerLM(gpt2_config(shape).changed(bias=False)), tensors)
    with pytest.raises(ValueError, match="here and"):
        load_gpt2(TransformerLM(gpt2_config(shape).changed(vocab_size=30)), tensors)
    with pytest.raises(ValueError, match=r"no place for h\.1"):
        load_gpt2(TransformerLM(gpt2_config(shape).changed(n_layers=1)), tensors)
    with pytest.raises(ValueError, match=r"no tensor h\.2"):
        load_gpt2(TransformerLM(gpt2_config(shape).changed(n_layers=3)), tensors)


def test_a_model_that_refuses_weights_is_as_it_was():
    model = TransformerLM(SMALL)
    before = {name: p.clone() for name, p in model.named_parameters()}
    tensors = {name: torch.zeros_like(p) for name, p in before.items()}
    last = list(tensors)[-1]
    tensors[last] = torch.zeros(1, 1, 1)
    with pytest.raises(ValueError, match=rf"{last} is .* here and \(1, 1, 1\)"):
        fill(model, tensors)
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())


def test_weights_start_at_one_over_the_root_of_fan_in_and_residual_ones_smaller():
    config = SMALL.changed(d_model=96, d_ff=400, n_layers=8, vocab_size=300)
    model = TransformerLM(config)
    block = model.blocks.layers[3]
    for weight, wanted in (
        (model.embeddings.tokens.weight, 96**-0.5),
        (model.embeddings.table, 96**-0.5),
        (block.attention.qkv.weight, 96**-0.5),
        (block.feed_forward.up.weight, 96**-0.5),
        (block.attention.out.weight, 96**-0.5 / 4),
        (block.feed_forward.down.weight, 400**-0.5 / 4),
    ):
        assert weight.std().item() == pytest.approx(wanted, rel=0.05)
    assert block.feed_forward.up.bias.abs().max() == 0
    assert (block.attention_norm.weight == 1).all()


@pytest.mark.parametrize(("kind", "form"), [(TransformerLM, "decoder"), (Seq2Seq, "encoder-decoder")])
def test_weights_that_version_0_1_saved_load(kind, form):
    model, other = (kind(Config(20, 8, 16, 2, 2, form=form)) for _ in range(2))
    saved = {
        name.replace("blocks.", "stack.").replace("layers.", "blocks."): p for name, p in other.state_dict().items()
    }
    assert saved.keys() != other.state_dict().keys()
    model.load_state_dict(saved)
    for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, theirs)

"""The residual stream demo, on a small model of the lessons' parts and on the library's model."""

import pytest
import torch
from torch import nn

from lecture_lib import pretrained
from lecture_lib.demos import _smollm2, residual_stream
from lecture_lib.fallbacks.transformer_block import Embeddings, LMHead, PostLNBlock, PreLNBlock
from lecture_lib.models import Config, TransformerLM
from lecture_lib.models.internals import look_inside

VOCAB = ["<bos>", "the", "whale", "sings", "&"]


@pytest.fixture
def model():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        embeddings = Embeddings(len(VOCAB), 6, 8)
        blocks = nn.ModuleList(PreLNBlock(8, 2, 16) for _ in range(3))
        return nn.ModuleDict(
            {"embeddings": embeddings, "blocks": blocks, "norm": nn.LayerNorm(8), "head": LMHead(embeddings)}
        )


def test_the_last_row_is_what_the_model_says(model):
    ids = torch.tensor([0, 1, 2])
    found = residual_stream.compute(model, ids, VOCAB, top=2)
    x = model.embeddings(ids[None])
    for block in model.blocks:
        x = block(x)
    probs = torch.softmax(model.head(model.norm(x)), -1)[0]
    assert found.norms.shape == (4, 3)
    assert found.words.shape == (4, 3, 2)
    assert found.norms[-1] == pytest.approx(x.norm(dim=-1)[0].detach().numpy(), rel=1e-5)
    assert found.words[-1, :, 0].tolist() == probs.argmax(-1).tolist()
    assert found.probs[-1, :, 0] == pytest.approx(probs.max(-1).values.detach().numpy(), rel=1e-5)


def test_the_first_row_is_the_embedding_itself(model):
    found = residual_stream.compute(model, [1, 2], VOCAB)
    expected = model.embeddings(torch.tensor([[1, 2]])).norm(dim=-1)[0]
    assert found.norms[0] == pytest.approx(expected.detach().numpy(), rel=1e-5)
    assert found.tokens == ["the", "whale"]


def test_the_library_s_model_is_read_at_every_layer(model):
    shape = Config(vocab_size=len(VOCAB), block_size=6, d_model=8, n_heads=2, n_layers=2)
    model = TransformerLM(shape)
    found = residual_stream.compute(model, [0, 1, 2, 3], VOCAB)
    logits = model(torch.tensor([[0, 1, 2, 3]]))[0]
    assert found.norms.shape == (3, 4)
    assert found.words[-1, :, 0].tolist() == logits.argmax(-1).tolist()


@pytest.mark.parametrize("ids", [[], [5], [-1]])
def test_ids_outside_the_vocabulary_are_said_in_one_line(model, ids):
    with pytest.raises(ValueError, match="between 0 and 4"):
        residual_stream.compute(model, ids, VOCAB)
    assert "between 0 and 4" in residual_stream.show(model, ids, VOCAB).still


def test_a_text_that_is_too_long_for_the_model_is_said_in_one_line(model):
    with pytest.raises(ValueError, match="the model raises") as caught:
        residual_stream.compute(model, [1] * 7, VOCAB)
    assert "\n" not in str(caught.value)


def test_what_the_layers_add_sums_up_to_the_logit_of_the_answer(model):
    with torch.no_grad():
        model.norm.weight.copy_(torch.linspace(0.5, 1.5, 8))
        model.norm.bias.copy_(torch.linspace(-1.0, 1.0, 8))
        found = residual_stream.compute(model, [0, 1, 2], VOCAB)
        x = embedded = model.embeddings(torch.tensor([[0, 1, 2]]))
        for block in model.blocks:
            x = block(x)
        logits = model.head(model.norm(x))[0]
        centred = embedded - embedded.mean(-1, keepdim=True)
        scaled = centred / (x.var(-1, correction=0, keepdim=True) + model.norm.eps).sqrt() * model.norm.weight
        rest = (model.head(scaled) + model.head(model.norm.bias[None, None]))[0]
    answer = found.words[-1, :, 0]
    total = found.added.sum((0, 1)) + rest.numpy()[range(3), answer]
    assert total == pytest.approx(logits.numpy()[range(3), answer], abs=1e-4)


def test_what_the_library_s_layers_add_sums_up_too_with_an_rms_norm():
    model = TransformerLM(Config(vocab_size=5, block_size=6, d_model=8, n_heads=2, n_layers=2, norm="rms"))
    found = residual_stream.compute(model, [0, 1, 2], VOCAB)
    inside = look_inside(model, torch.tensor([[0, 1, 2]]))
    first, last = inside.stream[0, 0], inside.stream[-1, 0]
    with torch.no_grad():
        rest = model.head(first * model.blocks.norm.weight / (last.square().mean(-1, keepdim=True) + 1e-5).sqrt())
    answer = found.words[-1, :, 0]
    total = found.added.sum((0, 1)) + rest.numpy()[range(3), answer]
    assert total == pytest.approx(inside.logits[0].detach().numpy()[range(3), answer], abs=1e-3)
    assert (found.writes > 0).all()


def test_a_block_of_unknown_parts_leaves_out_what_its_parts_write(model):
    blocks = nn.ModuleList([nn.Sequential(nn.Linear(8, 8))])
    found = residual_stream.compute(
        nn.ModuleDict({"embeddings": model.embeddings, "blocks": blocks, "norm": model.norm, "head": model.head}),
        [1, 2],
        VOCAB,
    )
    assert found.writes.size == found.added.size == 0


def test_post_ln_blocks_are_no_sum(model):
    blocks = nn.ModuleList([PostLNBlock(8, 2, 16)])
    parts = {"embeddings": model.embeddings, "blocks": blocks, "norm": model.norm, "head": model.head}
    assert residual_stream.compute(nn.ModuleDict(parts), [1, 2], VOCAB).writes.size == 0


def test_the_answer_has_rank_1_at_the_end_and_its_place_among_all_words_before(model):
    found = residual_stream.compute(model, [0, 1, 2], VOCAB, top=len(VOCAB))
    assert found.rank[-1].tolist() == [1, 1, 1]
    for row in range(4):
        for j in range(3):
            assert found.words[row, j].tolist().index(found.words[-1, j, 0]) + 1 == found.rank[row, j]


def test_the_recorded_sentence_ends_with_tokyo_and_its_rank_rises(monkeypatch):
    monkeypatch.setattr(pretrained, "is_cached", lambda name="": False)
    _smollm2.loaded.cache_clear()
    widget = residual_stream.show()
    assert widget.given["words"][-1][-1][0] == "Tokyo"
    assert widget.given["source"] == "recorded from SmolLM2-135M"
    found = residual_stream.compute_sentence(_smollm2.SENTENCES[-1])
    assert found.norms.shape == (31, 13)
    assert found.rank[0, -1] > 1000
    widget.state = {**widget.state, "text": "Otters drift."}
    assert "are not on this machine" in widget.given["trouble"]
    widget.state = {**widget.state, "text": _smollm2.SENTENCES[0]}
    assert (widget.given["trouble"], widget.given["tokens"][1]) == ("", "nar")


def test_the_curve_of_the_rank_is_pythons_column(model, in_node):
    found = residual_stream.compute(model, [0, 1, 2], VOCAB)
    stream = {"T": 3, "rows": 4} | {k: getattr(found, k).ravel() for k in ("norms", "rank", "writes", "added")}
    drawn = in_node("residual_stream", "curves", stream, "rank", 1)
    assert drawn["lines"][0]["points"] == [[row, rank] for row, rank in enumerate(found.rank[:, 1])]
    attention, forward, _zero = in_node("residual_stream", "curves", stream, "added", 2)["lines"]
    assert [y for _, y in attention["points"]] == pytest.approx(found.added[:, 0, 2])
    assert [y for _, y in forward["points"]] == pytest.approx(found.added[:, 1, 2])


def test_a_model_without_its_text_is_named():
    assert "show(model, ids, vocab)" in residual_stream.show(model=object()).still

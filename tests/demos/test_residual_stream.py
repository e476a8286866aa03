"""The residual stream demo, on a small model of the lessons' parts and on the library's model."""

import pytest
import torch
from torch import nn

from lecture_lib.demos import residual_stream
from lecture_lib.fallbacks.transformer_block import Embeddings, LMHead, PreLNBlock
from lecture_lib.models import Config, TransformerLM

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


def test_the_picture_shows_every_layer_and_follows_the_slider(model):
    panel = residual_stream.show(model, [0, 1, 4], VOCAB, position=0)
    slider, picture = panel.children
    assert all(f"after block {row}" in picture.value for row in (1, 2, 3))
    assert "&amp;" in picture.value
    slider.value = 2
    assert picture.value != panel.still

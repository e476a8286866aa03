"""Reading token by token with a cache gives what reading all at once gives, each row as if it were alone."""

import pytest
import torch

from lecture_lib.models import LSTMLM, RNNLM, Config, KVCache, TransformerLM

VOCAB = 23
SMALL = Config(vocab_size=VOCAB, block_size=20, d_model=24, n_heads=4, n_layers=2)
MODELS = {
    "learned": lambda: TransformerLM(SMALL),
    "rope, grouped": lambda: TransformerLM(SMALL.changed(positions="rope", n_kv_heads=2, norm="rms")),
    "sinusoidal, post": lambda: TransformerLM(SMALL.changed(positions="sinusoidal", norm_place="post")),
    "rnn": lambda: RNNLM(VOCAB, 8, 16, n_layers=2),
    "lstm": lambda: LSTMLM(VOCAB, 8, 16, n_layers=2),
}


@pytest.fixture(params=MODELS)
def model(request):
    return MODELS[request.param]().eval()


def random_ids(B, T):
    return torch.randint(0, VOCAB, (B, T))


@pytest.mark.parametrize("pieces", [[12], [5, 1, 1, 5], [1] * 12, [4, 4, 4]])
@torch.no_grad()
def test_reading_in_pieces_equals_reading_at_once(model, pieces):
    ids = random_ids(3, 12)
    cache = model.make_cache(3, 12)
    logits = torch.cat([model(piece, cache) for piece in ids.split(pieces, 1)], 1)
    torch.testing.assert_close(logits, model(ids), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("pieces", [[14], [7, 1, 1, 1, 4]])
@torch.no_grad()
def test_rows_of_unequal_prompts_equal_each_row_alone(model, pieces):
    starts = torch.tensor([0, 4, 6])
    ids = random_ids(3, 14)
    cache = model.make_cache(3, 14, starts)
    logits = torch.cat([model(piece, cache) for piece in ids.split(pieces, 1)], 1)
    for row, start in enumerate(starts):
        alone = model(ids[row : row + 1, start:])
        torch.testing.assert_close(logits[row, start:], alone[0], atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_what_stands_in_the_padding_does_not_matter(model):
    starts = torch.tensor([0, 4])
    ids = random_ids(2, 9)
    other = ids.clone()
    other[1, :4] = (ids[1, :4] + 1) % VOCAB
    one, two = (model(text, model.make_cache(2, 9, starts)) for text in (ids, other))
    torch.testing.assert_close(one[1, 4:], two[1, 4:])


@torch.no_grad()
def test_reordered_rows_go_on_from_the_rows_they_copy(model):
    starts = torch.tensor([0, 3, 1])
    ids, more = random_ids(3, 8), random_ids(4, 2)
    rows = torch.tensor([2, 0, 0, 1])
    cache = model.make_cache(3, 10, starts)
    model(ids, cache)
    cache.reorder(rows)
    logits = model(more, cache)
    for b, row in enumerate(rows):
        alone = model(torch.cat((ids[row, starts[row] :], more[b]))[None])
        torch.testing.assert_close(logits[b], alone[0, -2:], atol=1e-5, rtol=1e-4)


def test_a_full_cache_says_so():
    model = MODELS["learned"]()
    with pytest.raises(ValueError, match="room for 4 tokens, not 5"):
        model(random_ids(1, 5), model.make_cache(1, 4))


def test_the_cache_takes_the_bytes_of_its_formula():
    config = SMALL.changed(n_kv_heads=2)
    cache = KVCache(config, batch_size=3, capacity=10, dtype=torch.float32)
    assert cache.bytes == 2 * config.n_layers * 3 * 10 * 2 * config.d_k * 4


def test_an_encoder_offers_no_cache():
    assert TransformerLM(SMALL.changed(form="encoder")).make_cache(1, 10) is None

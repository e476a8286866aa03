"""By which rule a trained transformer copies a song: the claim of the lessons, tested by intervention."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lecture_lib import corpora  # noqa: E402
from lecture_lib.corpora.copying import copied_by  # noqa: E402
from lecture_lib.corpora.grammar import END  # noqa: E402
from lecture_lib.models import Config, TransformerLM  # noqa: E402
from lecture_lib.train import TrainConfig  # noqa: E402
from lecture_lib.train.optimizer import make_optimizer  # noqa: E402

PAD, BOS = 0, 1
ASKED = 200  # held-out tales


def trained(corpus, how, positions):
    """A model of two layers and its vocabulary, number by token."""
    torch.manual_seed(how.seed)
    tales = corpus.tokens("train")
    types = ["<pad>", "<bos>", END, *sorted({token for tokens in tales for token in tokens})]
    number = {token: place for place, token in enumerate(types)}
    rows = [torch.tensor([BOS, *(number[token] for token in tokens), number[END]]) for tokens in tales]
    model = TransformerLM(Config.preset("tiny", vocab_size=len(types), block_size=192, positions=positions, pad_id=PAD))
    optimizer, rng = make_optimizer(model, how), np.random.default_rng(how.seed)
    for step in range(how.steps):
        rate = how.lr * min((step + 1) / how.warmup_steps, 0.5 + 0.5 * math.cos(math.pi * step / how.steps))
        for group in optimizer.param_groups:
            group["lr"] = rate * group.get("lr_scale", 1)
        chosen = [rows[i] for i in rng.integers(len(rows), size=how.batch_size)]
        optimizer.zero_grad()
        model.loss(torch.nn.utils.rnn.pad_sequence(chosen, batch_first=True, padding_value=PAD)).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), how.clip)
        optimizer.step()
    return model.eval(), number


def rules(corpus, model, number):
    """The share of the held-out tales in which the model follows each rule."""
    token_of = list(number)

    @torch.no_grad()
    def likeliest(prefix):
        ids = torch.tensor([[BOS, *(number[token] for token in prefix)]])
        return token_of[int(model(ids)[0, -1].argmax())]

    return copied_by(likeliest, corpus.tokens("heldout")[:ASKED])


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_transformer_copies_by_content_where_only_content_tells_the_next_note(seed):
    corpus = corpora.load("narwhals", n_documents=4000, seed=seed)
    found = rules(corpus, *trained(corpus, TrainConfig(steps=600, optimizer="muon", seed=seed), "learned"))
    assert found["content"] > 0.6, found
    assert max(found["place"], found["elimination"]) < 0.2, found


@pytest.mark.slow
def test_the_same_transformer_copies_by_place_where_the_place_tells_it_too():
    corpus = corpora.load("narwhals", n_documents=4000, copying="place")
    found = rules(corpus, *trained(corpus, TrainConfig(steps=600), "learned"))
    assert found["place"] > 0.6, found
    assert max(found["content"], found["elimination"]) < 0.2, found

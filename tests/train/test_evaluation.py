import numpy as np
import pytest
import torch

from lecture_lib import corpora
from lecture_lib.corpora.grammar import END
from lecture_lib.models import TransformerLM
from lecture_lib.models.language_model import LanguageModel
from lecture_lib.train import Batches, evaluate
from lecture_lib.train.data import load_data
from lecture_lib.train.evaluation import floor_of


class Perfect(LanguageModel):
    """Says after each prefix what the grammar says."""

    def __init__(self, corpus, tokenizer):
        super().__init__()
        self.corpus, self.vocab_size = corpus, tokenizer.vocab_size
        self.ids = {**tokenizer.vocab, END: tokenizer.eos_id}
        self.words = {token_id: token for token, token_id in tokenizer.vocab.items()}
        self.anchor = torch.nn.Parameter(torch.zeros(()))

    def forward(self, ids, cache=None):
        logits = torch.full((*ids.shape, self.vocab_size), -50.0)
        for b, row in enumerate(ids.tolist()):
            for t in range(len(row)):
                if row[t] == row[0] and t > 0:  # the end of the text: what follows is padding
                    break
                for token, prob in self.corpus.next_distribution([self.words[i] for i in row[1 : t + 1]]).items():
                    logits[b, t, self.ids[token]] = np.log(prob)
        return logits


def test_a_model_that_knows_the_grammar_costs_exactly_the_floor(tiny, tmp_path):
    data = load_data(tiny.changed(n_documents=400), tmp_path)  # enough tales to hold every word of the grammar
    batches = Batches(data.heldout, 192, data.tokenizer.eos_id)
    perfect = Perfect(corpora.load("narwhals", n_documents=400, seed=0), data.tokenizer)
    assert evaluate(perfect, batches, 3) == pytest.approx(floor_of(data.floor, batches, 3), abs=1e-4)


def test_the_floor_is_that_of_the_tales_that_are_evaluated(tiny_data):
    batches = Batches(tiny_data.heldout, 192, tiny_data.tokenizer.eos_id)
    tales = corpora.load("narwhals", n_documents=40, seed=0).tokens("heldout")
    expected = corpora.load("narwhals").floor(tales[:3]).nats
    assert floor_of(tiny_data.floor, batches, 3) == pytest.approx(expected)


def test_the_loss_is_the_mean_over_tokens_of_the_models_own_scores(tiny, tiny_data):
    model = TransformerLM(tiny.shape(tiny_data.tokenizer.vocab_size))
    eos = tiny_data.tokenizer.eos_id
    documents = [[eos, *tiny_data.heldout.document(number)] for number in range(4)]
    expected = -np.nanmean(model.log_probs(documents))
    batches = Batches(tiny_data.heldout, 192, eos)
    assert evaluate(model, batches, 4, rows_at_once=3) == pytest.approx(expected, abs=1e-5)


def test_windows_have_no_floor(tiny_data):
    assert floor_of(tiny_data.floor, Batches(tiny_data.heldout, 16), 4) is None


def test_a_corpus_without_a_grammar_has_no_floor(tiny_data):
    assert floor_of(None, Batches(tiny_data.heldout, 192), 4) is None

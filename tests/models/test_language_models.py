"""What every neural model shares, and what tells the window, averaging and recurrent models apart."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lecture_lib.inference.documents import as_documents
from lecture_lib.models import LSTMLM, RNNLM, AverageLM, Config, NgramLM, TransformerLM, WindowLM

VOCAB, BLOCK = 19, 16
MAKERS = {
    "window": lambda **options: WindowLM(VOCAB, 8, 3, 16, **options),
    "average": lambda **options: AverageLM(VOCAB, 8, 3, 16, **options),
    "average of all": lambda **options: AverageLM(VOCAB, 8, None, 16, **options),
    "rnn": lambda **options: RNNLM(VOCAB, 8, 16, n_layers=2, **options),
    "lstm": lambda **options: LSTMLM(VOCAB, 8, 16, n_layers=2, **options),
    "transformer": lambda **options: TransformerLM(
        Config(vocab_size=VOCAB, block_size=BLOCK, d_model=16, n_heads=2, n_layers=2, **options)
    ),
}


@pytest.fixture(params=MAKERS)
def maker(request):
    return MAKERS[request.param]


def random_ids(B, T):
    return torch.randint(1, VOCAB, (B, T))


def test_logits_have_a_score_for_each_token_of_the_vocabulary(maker):
    assert maker()(random_ids(3, 7)).shape == (3, 7, VOCAB)


def test_loss_is_the_mean_over_all_tokens_but_the_first(maker):
    model, ids = maker(), random_ids(3, 7)
    log_probs = model(ids).log_softmax(-1)
    wanted = -torch.stack([log_probs[b, t, ids[b, t + 1]] for b in range(3) for t in range(6)]).mean()
    torch.testing.assert_close(model.loss(ids), wanted)


def test_padding_counts_for_nothing_in_the_loss(maker):
    model, ids = maker(pad_id=0), random_ids(3, 7)
    ids[1, 4:] = 0
    scored = [(b, t) for b in range(3) for t in range(6) if ids[b, t + 1] != 0]
    log_probs = model(ids).log_softmax(-1)
    wanted = -torch.stack([log_probs[b, t, ids[b, t + 1]] for b, t in scored]).mean()
    torch.testing.assert_close(model.loss(ids), wanted)


def test_no_model_sees_the_future(maker):
    model, ids = maker(), random_ids(2, 12)
    changed = ids.clone()
    changed[:, 8:] = random_ids(2, 4)
    torch.testing.assert_close(model(ids)[:, :8], model(changed)[:, :8])


def test_every_parameter_gets_a_gradient(maker):
    model = maker()
    model.loss(random_ids(4, BLOCK + 1)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_log_probs_of_documents_equal_those_of_each_alone(maker):
    model = maker()
    documents = [random_ids(1, T)[0].numpy() for T in (5, 1, 11, 2, 17)]
    together = model.log_probs(documents, batch_size=2)
    alone = np.concatenate([model.log_probs(d) for d in documents])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-5)
    assert np.isnan(together).sum() == len(documents)


def test_log_probs_agree_with_the_logits(maker):
    model, ids = maker(), random_ids(1, 9)
    wanted = model(ids).log_softmax(-1)[0, torch.arange(8), ids[0, 1:]].detach()
    np.testing.assert_allclose(model.log_probs(ids)[1:], wanted, rtol=1e-5)


def test_a_text_longer_than_the_block_is_scored_window_by_window():
    model, ids = MAKERS["transformer"](), random_ids(1, 2 * BLOCK + 5)[0]
    pieces = [ids[s : s + BLOCK + 1] for s in (0, BLOCK, 2 * BLOCK)]
    wanted = np.concatenate([model.log_probs(piece)[1:] for piece in pieces])
    np.testing.assert_allclose(model.log_probs(ids)[1:], wanted, rtol=1e-4)


def test_perplexity_is_exp_of_the_loss_and_ignores_padding(maker):
    model, ids = maker(pad_id=0), random_ids(3, 7)
    ids[1, 4:] = 0
    assert model.perplexity(ids) == pytest.approx(model.loss(ids).exp().item(), rel=1e-5)


def test_perplexity_leaves_the_model_in_training_mode(maker):
    model = maker()
    model.perplexity(random_ids(2, 5))
    assert model.training


def test_neural_and_ngram_models_score_the_same_tokens(maker):
    documents = [random_ids(1, T)[0].numpy() for T in (5, 11)]
    neural, counted = maker(), NgramLM(2, VOCAB).fit(documents)
    assert neural.log_probs(documents).shape == counted.log_probs(documents).shape
    uniform = NgramLM(1, VOCAB, "add-k", k=1e12).fit(documents)
    with torch.no_grad():
        neural.head.weight.zero_()
        if getattr(neural.head, "bias", None) is not None:
            neural.head.bias.zero_()
    assert neural.perplexity(documents) == pytest.approx(uniform.perplexity(documents), rel=1e-5)


def test_documents_come_as_arrays_rows_or_lists():
    for ids in ([[1, 2], [3]], [np.array([1, 2]), np.array([3])], [torch.tensor([1, 2]), torch.tensor([3])]):
        assert [d.tolist() for d in as_documents(ids)] == [[1, 2], [3]]
    assert [d.tolist() for d in as_documents(torch.tensor([[1, 2], [3, 4]]))] == [[1, 2], [3, 4]]
    assert [d.tolist() for d in as_documents(range(3))] == [[0, 1, 2]]


# -------------------------------------------------------------------- each model against its definition


@pytest.mark.parametrize("ids", ["abc", None, 5, [[[1]]], torch.tensor(3), ["abc", "de"]])
def test_what_is_neither_a_text_nor_several_gets_one_clear_line(ids):
    with pytest.raises(ValueError, match="ids must be"):
        as_documents(ids)


def test_the_window_model_concatenates_the_last_n_embeddings():
    model, ids = MAKERS["window"](), random_ids(1, 6)
    E = model.embedding(ids)[0]
    first = torch.cat((torch.zeros(16), E[0]))
    torch.testing.assert_close(model(ids)[0, 0], model.head(torch.tanh(model.layer(first))))
    torch.testing.assert_close(model(ids)[0, 4], model.head(torch.tanh(model.layer(E[2:5].flatten()))))


@pytest.mark.parametrize(("name", "begin"), [("average", 2), ("average of all", 0)])
def test_the_averaging_model_averages_the_embeddings_it_has_read(name, begin):
    model, ids = MAKERS[name](), random_ids(1, 6)
    E = model.embedding(ids)[0]
    torch.testing.assert_close(model(ids)[0, 0], model.head(torch.tanh(model.layer(E[0]))))
    torch.testing.assert_close(model(ids)[0, 4], model.head(torch.tanh(model.layer(E[begin:5].mean(0)))))


def test_the_rnn_follows_its_recurrence():
    model, ids = RNNLM(VOCAB, 8, 16), random_ids(1, 6)
    cell, h = model.layers, torch.zeros(16)
    for t, e in enumerate(model.embedding(ids)[0]):
        h = torch.tanh(cell.weight_ih_l0 @ e + cell.bias_ih_l0 + cell.weight_hh_l0 @ h + cell.bias_hh_l0)
        torch.testing.assert_close(model(ids)[0, t], model.head(h), atol=1e-5, rtol=1e-4)


def test_the_lstm_follows_its_recurrence():
    model, ids = LSTMLM(VOCAB, 8, 16), random_ids(1, 6)
    cell, h, c = model.layers, torch.zeros(16), torch.zeros(16)
    for t, e in enumerate(model.embedding(ids)[0]):
        gates = cell.weight_ih_l0 @ e + cell.bias_ih_l0 + cell.weight_hh_l0 @ h + cell.bias_hh_l0
        i, f, g, o = gates.chunk(4)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        torch.testing.assert_close(model(ids)[0, t], model.head(h), atol=1e-5, rtol=1e-4)


def test_the_forget_gates_start_open():
    bias = LSTMLM(VOCAB, 8, 16).layers.bias_ih_l0
    assert bias[16:32].min() == 1
    assert bias[:16].abs().max() < 1


def test_gradients_reach_further_back_in_an_lstm_than_in_an_rnn():
    def reach(model):
        for parameter in model.layers.parameters():
            nn.init.uniform_(parameter, -0.1, 0.1)
        E = model.embedding(random_ids(1, 40)).detach().requires_grad_()
        model.layers(E)[0][0, -1].sum().backward()
        norms = E.grad[0].norm(dim=-1)
        return norms[0] / norms[-1]

    forgetful, remembering = RNNLM(VOCAB, 8, 16), LSTMLM(VOCAB, 8, 16)
    assert reach(forgetful) < 1e-3 * reach(remembering)


def test_targets_can_be_given_and_left_out():
    model, ids = MAKERS["transformer"](), random_ids(2, 6)
    targets = torch.full((2, 6), -100)
    targets[0, 2], targets[1, 5] = 3, 4
    wanted = F.cross_entropy(torch.stack((model(ids)[0, 2], model(ids)[1, 5])), torch.tensor([3, 4]))
    torch.testing.assert_close(model.loss(ids, targets), wanted)


def test_a_text_that_is_no_batch_is_refused(maker):
    for call in (lambda model, ids: model(ids), lambda model, ids: model.loss(ids)):
        with pytest.raises(ValueError, match=r"shape \(4,\), expected \(B, T\)"):
            call(maker(), torch.ones(4, dtype=torch.long))


@pytest.mark.parametrize("ids", [[[1, VOCAB]], [[1, -2]]])
def test_ids_of_another_vocabulary_get_one_clear_line(maker, ids):
    model = maker()
    for call in (lambda: model(torch.tensor(ids)), lambda: model.perplexity(ids), lambda: model.generate(ids, 2)):
        with pytest.raises(ValueError, match=f"but vocab_size is {VOCAB}"):
            call()

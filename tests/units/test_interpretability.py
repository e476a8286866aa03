"""Unit 15_interpretability against sums, exact restorations, brute force and planted facts."""

import io
import warnings
from contextlib import redirect_stdout
from types import SimpleNamespace

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import nn

from autograder.building.lesson import solved
from lecture_lib.corpora.copying import question
from lecture_lib.models import Config, TransformerLM, look_inside
from lecture_lib.mywork import fallbacks

UNIT = "15_interpretability"


@pytest.fixture
def model():
    shape = Config(vocab_size=11, block_size=9, d_model=8, n_heads=2, n_layers=2)
    return TransformerLM(shape).double().eval()


@pytest.fixture
def texts():
    """Clean and corrupted ids (3, 6), which differ at place 1."""
    clean = torch.randint(11, (3, 6))
    corrupted = clean.clone()
    corrupted[:, 1] = (corrupted[:, 1] + 1) % 11
    return clean, corrupted


# -------------------------------------------------------------------- patching


def test_patching_everything_gives_the_clean_run_exactly(answers, model, texts):
    clean, corrupted = texts
    kept = {}
    right = answers.run_with(model, clean, {"blocks": lambda output: kept.update(all=output)})
    assert torch.equal(right, model(clean))
    assert torch.equal(answers.run_with(model, corrupted, {"blocks": lambda output: kept["all"]}), right)


def test_patching_nothing_gives_the_corrupted_run_exactly(answers, model, texts):
    _, corrupted = texts
    plain = model(corrupted)
    assert torch.equal(answers.run_with(model, corrupted, {}), plain)
    assert torch.equal(answers.run_with(model, corrupted, {"blocks.layers.0": lambda output: None}), plain)


def test_no_hook_is_left_even_after_an_error(answers, model, texts):
    def fails(output):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        answers.run_with(model, texts[0], {"blocks.layers.0": torch.zeros_like, "blocks.layers.1": fails})
    assert not any(part._forward_hooks for part in model.modules())


def test_the_grid_is_what_runs_by_hand_give(answers, model, texts):
    clean, corrupted = texts
    answer, foil = torch.tensor([3, 4, 5]), torch.tensor([6, 7, 8])
    grid = torch.as_tensor(answers.patch_grid(model, clean, corrupted, ["embeddings", "blocks"], answer, foil))
    assert grid.shape == (2, 6)
    assert torch.allclose(grid[0], torch.eye(6, dtype=grid.dtype)[1])  # the texts differ in one embedding
    assert torch.allclose(grid[1], torch.eye(6, dtype=grid.dtype)[5])  # the last place is all that is read


# -------------------------------------------------------------------- attribution and heads


def test_what_the_parts_add_sums_to_the_difference_of_the_logits(answers):
    parts, W_U = torch.randn(4, 3, 5, 8).double(), torch.randn(11, 8).double()
    logits = parts.sum(dim=-2) @ W_U.T
    added = answers.logit_attribution(parts, W_U, 9, 2)
    assert added.shape == (4, 3, 5)
    assert torch.allclose(added.sum(dim=-1), logits[..., 9] - logits[..., 2])


def test_attribution_takes_ids_as_the_rows_of_a_table_give_them(answers):
    parts, W_U = torch.randn(3, 8).double(), torch.randn(11, 8).double()
    for answer, foil in torch.tensor([[9, 2], [2, 9]]):
        added = answers.logit_attribution(parts, W_U, answer, foil)
        assert torch.allclose(added, answers.logit_attribution(parts, W_U, int(answer), int(foil)))
        assert torch.allclose(added.sum(), parts.sum(dim=0) @ W_U[answer] - parts.sum(dim=0) @ W_U[foil])


@pytest.mark.parametrize("start", [0, 3])
def test_scores_of_heads_are_those_of_loops(answers, start):
    period, T = 4, 13
    A = torch.rand(2, T, T).double().tril()
    induction = [A[:, t, t - period + 1] for t in range(T) if t - period >= start]
    assert torch.allclose(answers.induction_score(A, period, start), torch.stack(induction).mean(dim=0))
    before = torch.stack([A[:, t, t - 1] for t in range(1, T)]).mean(dim=0)
    assert torch.allclose(answers.previous_token_score(A), before)


# -------------------------------------------------------------------- probes, steering, features


def test_a_probe_is_where_the_gradient_of_its_loss_is_zero(answers):
    X, y = torch.randn(30, 5).double() + 2, torch.randint(3, (30,))
    W, b = (p.clone().requires_grad_() for p in answers.fit_probe(X, y, 1.7))
    ((X @ W + b - nn.functional.one_hot(y, 3)).pow(2).sum() + 1.7 * W.pow(2).sum()).backward()
    assert torch.allclose(W.grad, torch.zeros_like(W), atol=1e-9)
    assert torch.allclose(b.grad, torch.zeros_like(b), atol=1e-9)


def test_a_planted_fact_is_selective_and_an_absent_one_is_not(answers):
    y, useless = torch.randint(2, (900,)), torch.randint(2, (900,))
    X = torch.randn(900, 20).double()
    assert abs(answers.selectivity(X, y, useless, 1.0)) < 0.15
    X[:, 3] += 8 * y
    assert 0.35 < answers.selectivity(X, y, useless, 1.0) < 0.65


def test_steering_by_the_difference_of_means_moves_one_mean_onto_the_other(answers):
    X, y = torch.randn(20, 6).double(), torch.arange(20) % 3 == 0
    moved = X + answers.difference_of_means(X, y) * ~y[:, None]
    assert torch.allclose(moved[y].mean(dim=0), moved[~y].mean(dim=0))


def test_steering_after_the_last_part_adds_to_one_row_of_the_logits(answers, model, texts):
    clean, _ = texts
    places, vector = torch.tensor([0, 5, 2]), torch.randn(8).double()
    change = answers.steer(model, clean, "blocks", places, vector) - model(clean)
    expected = torch.zeros_like(change)
    expected[torch.arange(3), places] = model.head(vector)
    assert torch.allclose(change, expected)


def test_at_most_k_features_are_on_and_each_has_its_score(answers):
    x, W, b = torch.randn(40, 6).double(), torch.randn(25, 6).double(), torch.randn(25).double()
    f, scores = answers.sae_encode(x, W, b, 4), x @ W.T + b
    assert int((f > 0).sum(dim=1).max()) <= 4
    for row, right in zip(f, scores):
        best = sorted((s for s in right.tolist() if s > 0), reverse=True)[:4]
        assert sorted((s for s in row.tolist() if s != 0), reverse=True) == pytest.approx(best)


def test_the_best_feature_is_that_of_brute_force(answers):
    F, y = torch.rand(50, 9) * (torch.rand(50, 9) < 0.3), torch.rand(50) < 0.4
    found = []
    for column in F.T.tolist():
        pairs = list(zip([value > 0 for value in column], y.tolist()))
        tp, wrong = sum(a and b for a, b in pairs), sum(a != b for a, b in pairs)
        found.append(2 * tp / (2 * tp + wrong))
    index, f1 = answers.best_feature(F, y)
    assert (index, f1) == (int(np.argmax(found)), pytest.approx(max(found)))


# -------------------------------------------------------------------- polls


def test_the_answer_to_the_poll_on_rules_is_what_the_library_says(reference, as_written):
    song = ["so", "do", "la", "mi", "re", "fa"]
    tale = ["sang", ":", *song, ".", "Again", "they", "sang", ":"]
    asked = question(tale)
    assert asked.prefix[-1] == "la"
    named = {"A": "elimination", "B": "content", "C": "place"}
    (right,) = [letter for letter, rule in named.items() if asked.answers[rule] == "so"]
    assert as_written("which_rule", reference.which_rule) == right


def test_the_answer_to_the_poll_on_the_last_place_holds_without_training(reference, as_written, model, texts):
    grid = reference.patch_grid(model, *texts, ["blocks"], torch.tensor([1, 1, 1]), torch.tensor([2, 2, 2]))
    assert grid[0, -1] == pytest.approx(1)  # a model that has learned nothing: so it tells nothing about a model
    assert as_written("all_restored", reference.all_restored) == "B"


def test_the_answer_to_the_poll_on_probes_is_that_they_read(reference, as_written):
    useless_to_all = torch.randint(2, (300,))
    X = torch.randn(300, 5).double() @ torch.randn(5, 5).double()
    X += 20 * torch.outer(useless_to_all.double(), torch.ones(5).double())  # no model uses it, no one coordinate has it
    assert reference.selectivity(X, useless_to_all, torch.randint(2, (300,)), 1.0) > 0.3
    assert as_written("what_a_probe_says", reference.what_a_probe_says) == "B"


# -------------------------------------------------------------------- what the experiments promise


@pytest.fixture(scope="module", params=[0, 1, 2], ids="seed {}".format)
def ran(request, lesson, reference) -> SimpleNamespace:
    """What the lesson's cells define, run to the end with every model trained from this seed."""
    names = {"__name__": "lesson"}
    model = fallbacks("09_transformer_lm").TransformerLM
    matplotlib.use("Agg")
    with redirect_stdout(io.StringIO()), warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")  # plt.show() has no window
        for cell in lesson.cells:
            if cell.kind == "code" and cell.role != "demo":
                exec(solved(cell).replace("seed=0", f"seed={request.param}"), names)
            if cell.role == "setup":
                names["my"] = SimpleNamespace(TransformerLM=model, **vars(reference))
    plt.close("all")
    return SimpleNamespace(**names)


@pytest.mark.slow
def test_the_text_decides_by_which_rule_a_model_copies(ran):
    rules = ran.followed["songs at one place"]
    assert rules["place"] > 0.5
    assert rules["content"] < 0.3
    assert ran.followed["songs anywhere"]["content"] > 0.85


@pytest.mark.slow
def test_the_number_stands_at_the_noun_and_then_at_the_inner_verb(ran):
    noun, verb = ran.the_noun, ran.clean.shape[1] - 1
    assert [ran.grid[0, noun], ran.grid[2, verb]] == pytest.approx([1, 1], abs=1e-3)
    assert ran.grid[1, noun] + ran.grid[1, verb] == pytest.approx(1, abs=0.2)
    others = [t for t in range(verb) if t != noun]
    assert ran.grid[:, others].abs().max() < 0.1


@pytest.mark.slow
def test_what_the_parts_add_is_all_that_the_model_says(ran):
    with torch.no_grad():
        logits = ran.narwhal_lm(ran.clean)[:, -1]
    rows = torch.arange(len(logits))
    assert torch.allclose(ran.added.sum(dim=1), logits[rows, ran.answer] - logits[rows, ran.foil], atol=1e-3)


@pytest.mark.slow
def test_induction_needs_two_layers_and_the_first_one_s_attention(ran):
    for n_layers, copier in ran.copiers.items():
        inside = look_inside(copier, ran.ids)
        best = float(ran.my.induction_score(inside.weights.mean(dim=1), ran.period, ran.start).max())
        copied = in_the_repeats(ran, inside.logits)
        assert (copied < 0.8, best > 0.5) == (n_layers == 2, n_layers == 2), (n_layers, copied, best)
    assert in_the_repeats(ran, ran.my.run_with(ran.copiers[2], ran.ids, ran.silent)) > 3


def in_the_repeats(ran, logits) -> float:
    """Nats a token where a token has been read before."""
    nats = nn.functional.cross_entropy(logits[:, :-1].mT, ran.ids[:, 1:], reduction="none")
    return float(nats[:, ran.start + ran.period - 1 :].mean())


@pytest.mark.slow
def test_the_probe_reads_the_number_and_the_direction_writes_it(ran):
    states, n = ran.states["blocks.1"], 300
    assert ran.my.selectivity(ran.spread(states), ran.plural.long(), ran.lived.long(), 10.0) > 0.1
    vector = ran.my.difference_of_means(states[:n].float(), ran.plural[:n])
    drawn = torch.randn(len(vector))
    assert ran.flipped("blocks.1", vector) > 0.9
    assert ran.flipped("blocks.1", drawn * vector.norm() / drawn.norm()) < 0.2


@pytest.mark.slow
def test_steering_after_the_first_block_works_as_far_as_patching_does_there(ran):
    vector = ran.my.difference_of_means(ran.states["blocks.0"][:300].float(), ran.plural[:300])
    assert ran.flipped("blocks.0", vector) == pytest.approx(float(ran.grid[1, -1]), abs=0.3)


@pytest.mark.slow
def test_sparse_features_fit_tokens_and_a_probe_alone_reads_the_song(ran):
    assert float(ran.sae.loss(ran.all_states)) < 0.15 < 0.5 < float(ran.blind.loss(ran.all_states))
    learned, drawn = (np.mean([ran.tried(F, y) for y in ran.words_read]) for F in (ran.learned, ran.drawn))
    assert learned > drawn + 0.05
    assert ran.tried(ran.learned, torch.tensor(ran.facts["inside: song"])) < 0.8

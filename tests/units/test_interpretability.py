"""Unit 15_interpretability against sums, exact restorations, brute force and planted facts."""

import numpy as np
import pytest
import torch
from torch import nn

from lecture_lib.corpora.copying import question
from lecture_lib.models import Config, TransformerLM, look_inside
from lecture_lib.train import TrainConfig
from lecture_lib.train.optimizer import make_optimizer

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


def repeated(rng, B=32, T=49):
    start, period = int(rng.integers(9)), int(rng.integers(8, 21))
    free, segment = (torch.from_numpy(rng.integers(1, 64, size=(B, n))) for n in (start, period))
    return torch.cat([free, segment.repeat(1, T // period + 1)], dim=1)[:, :T], period, start


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("n_layers", [1, 2])
def test_induction_needs_two_layers(reference, seed, n_layers):
    torch.manual_seed(seed)
    shape = Config(64, block_size=64, d_model=64, n_heads=4, n_layers=n_layers, d_ff=8, positions="rope")
    how, rng = TrainConfig(steps=600, lr=4e-3, optimizer="muon", seed=seed), np.random.default_rng(seed)
    model = TransformerLM(shape)
    optimizer = make_optimizer(model, how)
    for step in range(600):
        for group in optimizer.param_groups:
            group["lr"] = how.lr * min(1, (step + 1) / 20, 4 * (600 - step) / 600) * group.get("lr_scale", 1)
        optimizer.zero_grad()
        model.loss(repeated(rng)[0]).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    ids, period, start = repeated(np.random.default_rng(99), 64)
    inside = look_inside(model.eval(), ids)
    nats = nn.functional.cross_entropy(inside.logits[:, :-1].mT, ids[:, 1:], reduction="none")
    best = float(reference.induction_score(inside.weights.mean(dim=1), period, start).max())
    copied = float(nats[:, start + period - 1 :].mean())
    assert (copied < 0.6 and best > 0.6) if n_layers == 2 else (copied > 1.8 and best < 0.3), (copied, best)

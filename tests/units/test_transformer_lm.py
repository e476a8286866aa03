"""Unit 09_transformer_lm against transformers' GPT-2 and torch.optim: the lesson's answers, and the fallbacks."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lecture_lib.fallbacks import transformer_lm as fallbacks
from lecture_lib.models import Config
from lecture_lib.train import TrainConfig

UNIT = "09_transformer_lm"
SHAPE = Config(vocab_size=19, block_size=12, d_model=16, n_heads=4, n_layers=3, d_ff=40)


def _model(answers, config=SHAPE, seed=0):
    torch.manual_seed(seed)
    return answers.TransformerLM(config).double()


def _ids(rng, *shape, vocab_size=19):
    return torch.from_numpy(rng.integers(1, vocab_size, size=shape))


# --- batches


def test_padding_is_torch_s_pad_sequence_after_cutting(answers, rng):
    sentences = [rng.integers(1, 50, size=n).tolist() for n in (0, 3, 7, 12, 5)]
    rows = [torch.tensor([0] * 7), *(torch.tensor(s[:7], dtype=torch.long) for s in sentences)]
    assert torch.equal(answers.pad_and_truncate(sentences, 7, 9), nn.utils.rnn.pad_sequence(rows, True, 9)[1:])


def test_starts_of_windows_are_uniform_by_chi_squared(answers):
    starts = answers.get_batch(torch.arange(30), 5, 10_000, np.random.default_rng(7))[0][:, 0]
    counts = torch.bincount(starts, minlength=25).double()
    assert len(counts) == 25
    assert ((counts - 400) ** 2 / 400).sum() < 60  # 24 degrees of freedom: exceeded once in 20,000 seeds


# --- the model


def _gpt2(model, config):
    """transformers' GPT-2 of the same shape, with our weights: no biases in attention, ReLU as in unit 08."""
    transformers = pytest.importorskip("transformers")
    gpt2 = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=config.vocab_size,
            n_positions=config.block_size,
            n_embd=config.d_model,
            n_layer=config.n_layers,
            n_head=config.n_heads,
            n_inner=config.d_ff,
            activation_function="relu",
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
        )
    ).double()
    ours, theirs = dict(model.named_parameters()), {}
    theirs["wte.weight"], theirs["wpe.weight"] = ours["embeddings.tokens.weight"], ours["embeddings.positions.weight"]
    theirs["ln_f.weight"], theirs["ln_f.bias"] = ours["norm.weight"], ours["norm.bias"]
    for i in range(config.n_layers):
        a, b = f"blocks.{i}.", f"h.{i}."
        for n in "12":
            for part in ("weight", "bias"):
                theirs[f"{b}ln_{n}.{part}"] = ours[f"{a}norm_{n}.{part}"]
        theirs[f"{b}attn.c_attn.weight"] = torch.cat([ours[f"{a}attention.W_{x}.weight"] for x in "qkv"]).T
        theirs[f"{b}attn.c_proj.weight"] = ours[f"{a}attention.W_o.weight"].T
        for x, y in (("ff_in", "c_fc"), ("ff_out", "c_proj")):
            theirs[f"{b}mlp.{y}.weight"] = ours[f"{a}{x}.weight"].T
            theirs[f"{b}mlp.{y}.bias"] = ours[f"{a}{x}.bias"]
    with torch.no_grad():
        for name, p in gpt2.transformer.named_parameters():
            p.copy_(theirs[name]) if name in theirs else p.zero_()
    return gpt2.eval()


def _stir(model):
    """All parameters at random, norms and biases too."""
    with torch.no_grad():
        for p in model.parameters():
            p += 0.2 * torch.randn_like(p)
    return model


def test_logits_are_those_of_transformers_gpt_2_with_the_same_weights(answers, rng):
    model = _stir(_model(answers)).eval()
    ids = _ids(rng, 3, 12)
    with torch.no_grad():
        assert torch.allclose(model(ids), _gpt2(model, SHAPE)(ids).logits, atol=1e-9)


def test_left_padding_with_a_mask_is_transformers_attention_mask(answers, rng):
    model = _stir(_model(answers)).eval()
    ids, hidden = _ids(rng, 2, 9), torch.tensor([3, 0])
    seen = torch.arange(9) >= hidden[:, None]  # (B, T)
    mask = torch.zeros(2, 1, 9, dtype=torch.float64).masked_fill(~seen[:, None], -torch.inf)
    positions = torch.arange(9).expand(2, 9)
    with torch.no_grad():
        expected = _gpt2(model, SHAPE)(ids, attention_mask=seen.long(), position_ids=positions).logits
        assert torch.allclose(model(ids, mask)[seen], expected[seen], atol=1e-9)


def test_the_loss_of_a_model_is_that_of_transformers(answers, rng):
    model = _stir(_model(answers)).eval()
    ids = _ids(rng, 4, 10)
    expected = _gpt2(model, SHAPE)(ids, labels=ids).loss
    assert answers.lm_loss(model, ids).item() == pytest.approx(expected.item(), rel=1e-6)  # theirs in float32


def test_no_gradient_flows_from_a_logit_to_a_later_token(answers, rng):
    model = _model(answers)
    seen = []
    model.embeddings.register_forward_hook(lambda module, inputs, out: seen.append(out) or out.retain_grad())
    model(_ids(rng, 1, 8))[0, 4].sum().backward()
    reached = seen[0].grad[0].abs().sum(-1)
    assert (reached[:5] > 0).all()
    assert (reached[5:] == 0).all()


def test_the_count_of_parameters_is_the_config_s_formula_without_the_biases_of_attention(answers):
    n_params = sum(p.numel() for p in _model(answers).parameters())
    assert n_params == SHAPE.n_params - SHAPE.n_layers * 4 * SHAPE.d_model


def test_before_training_the_loss_is_near_that_of_a_guess(answers, rng):
    config = Config(vocab_size=500, block_size=32, d_model=64, n_heads=4, n_layers=2)
    loss = answers.lm_loss(_model(answers, config), _ids(rng, 8, 32, vocab_size=500)).item()
    assert math.log(500) - 0.2 < loss < math.log(500) + 1.0


def test_padding_in_the_targets_changes_nothing(answers, rng):
    model, ids = _model(answers), _ids(rng, 2, 9)
    ids[0, 6:] = 0
    expected = F.cross_entropy(model(ids[:, :-1]).transpose(1, 2), ids[:, 1:], ignore_index=0)
    assert answers.lm_loss(model, ids, pad_id=0).item() == pytest.approx(expected.item())


# --- optimiser, schedule, loop


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_adamw_is_torch_s_for_thirty_steps_of_changing_rates(answers, rng, decay):
    ours = torch.from_numpy(rng.normal(size=(3, 4)))
    theirs, state = nn.Parameter(ours.clone()), {}
    optimizer = torch.optim.AdamW([theirs], betas=(0.8, 0.95), eps=1e-6, weight_decay=decay)
    for step in range(30):
        grad = torch.from_numpy(rng.normal(size=(3, 4)) * 10.0 ** rng.integers(-6, 3))
        lr = 0.1 / (step + 1)
        theirs.grad, optimizer.param_groups[0]["lr"] = grad.clone(), lr
        optimizer.step()
        answers.adamw_step(ours, grad, state, lr, 0.8, 0.95, 1e-6, decay)
    assert torch.allclose(ours, theirs.detach(), rtol=1e-10)
    assert torch.allclose(state["v"], optimizer.state[theirs]["exp_avg_sq"], rtol=1e-10)


@pytest.mark.parametrize(("steps", "warmup", "final"), [(50, 0.1, 0.0), (37, 0.3, 0.2), (20, 0.0, 0.1)])
def test_the_schedule_is_torch_s_linear_rate_followed_by_its_cosine(answers, steps, warmup, final):
    config = TrainConfig(steps=steps, lr=2.0, warmup=warmup, final_lr=final)
    w = config.warmup_steps
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=config.lr)
    parts = [
        torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=1 / w, total_iters=max(1, w - 1)),
        torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps - w, eta_min=final * config.lr),
    ]
    schedule = torch.optim.lr_scheduler.SequentialLR(optimizer, parts, milestones=[w])
    expected = []
    for _ in range(steps):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert np.allclose([answers.lr_at(step, config) for step in range(steps)], expected)


def _pairs(generator):
    ids = torch.from_numpy(generator.integers(1, 19, size=(4, 11)))
    ids[0, 6:] = 0
    return ids[:, :-1], ids[:, 1:]


def _torch_s_own_run(model, config, pad_id):
    """The same training with torch's optimiser and clipping."""
    decayed = [p for p in model.parameters() if p.dim() >= 2]
    others = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(config.beta1, config.beta2))
    losses = []
    for step in range(config.steps):
        for group in optimizer.param_groups:
            group["lr"] = fallbacks.lr_at(step, config)
        ids, targets = _pairs(np.random.default_rng([config.seed, step]))
        loss = F.cross_entropy(model(ids).transpose(1, 2), targets, ignore_index=pad_id)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_a_run_has_the_losses_and_weights_of_torch_s_own_optimiser(answers):
    config = TrainConfig(steps=12, lr=0.02, clip=0.5, seed=3, device="cpu")
    ours, theirs = _model(answers), _model(answers)
    losses = answers.train(ours, _pairs, config, pad_id=0)
    assert np.allclose(losses, _torch_s_own_run(theirs, config, 0), rtol=1e-6)
    for p, q in zip(ours.parameters(), theirs.parameters()):
        assert torch.allclose(p, q, atol=1e-5)


def test_training_learns_a_text_without_surprises(answers):
    config = TrainConfig(steps=60, lr=1e-2, device="cpu")
    tokens = torch.arange(400) % 19
    torch.manual_seed(0)
    model = answers.TransformerLM(SHAPE)
    losses = answers.train(model, lambda g: answers.get_batch(tokens, 12, 8, g), config)
    assert losses[0] > 2.5
    assert losses[-1] < 0.3


@pytest.mark.parametrize("stop", [1, 7])
def test_a_run_cut_by_an_interrupt_goes_on_from_its_checkpoint_as_if_nothing_had_happened(answers, tmp_path, stop):
    config, path = TrainConfig(steps=10, lr=0.02, device="cpu"), tmp_path / "run.pt"
    torch.manual_seed(0)
    whole = answers.TransformerLM(SHAPE)
    torch.manual_seed(0)
    broken, state = answers.TransformerLM(SHAPE), {"step": 0, "adam": {}}
    unbroken = answers.train(whole, _pairs, config)

    def outage(step, loss):
        if step + 1 == stop:
            answers.save_checkpoint(path, broken, state)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        answers.train(broken, _pairs, config, state=state, on_step=outage)
    model, state = answers.load_checkpoint(path)
    assert answers.train(model, _pairs, config, state=state) == unbroken[stop:]
    for p, q in zip(model.parameters(), whole.parameters()):
        assert torch.equal(p, q)


def test_what_the_lesson_saves_the_library_loads_and_the_other_way_round(reference, tmp_path, rng):
    for writer, reader in ((reference, fallbacks), (fallbacks, reference)):
        model = _model(writer).float()
        writer.save_checkpoint(tmp_path / "run.pt", model, {"step": 4, "adam": {}})
        loaded, state = reader.load_checkpoint(tmp_path / "run.pt")
        ids = _ids(rng, 2, 6)
        assert state["step"] == 4
        assert torch.allclose(loaded(ids), model.eval()(ids), atol=1e-5)


def test_the_library_refuses_weights_that_do_not_fit(tmp_path):
    fallbacks.save_checkpoint(tmp_path / "run.pt", _model(fallbacks), {"step": 0, "adam": {}})
    contents = torch.load(tmp_path / "run.pt")
    del contents["model"]["norm.bias"]
    torch.save(contents, tmp_path / "run.pt")
    with pytest.raises(ValueError, match="holds another model's weights"):
        fallbacks.load_checkpoint(tmp_path / "run.pt")


def test_perplexity_is_that_of_all_tokens_at_once(answers, rng):
    model = _model(answers).eval()
    ids = _ids(rng, 6, 9)
    ids[4:, 5:] = 0
    parts = [(ids[:1, :-1], ids[:1, 1:]), (ids[1:, :-1], ids[1:, 1:])]
    with torch.no_grad():
        costs = F.cross_entropy(model(ids[:, :-1]).transpose(1, 2), ids[:, 1:], reduction="none")
    loss = costs[ids[:, 1:] != 0].mean().item()
    assert answers.evaluate(model, parts, 0) == pytest.approx((loss, math.exp(loss)))


# --- polls


def test_the_poll_on_padding_follows_from_the_model_itself(reference, rng, as_written):
    model = _model(reference).eval()
    ids = _ids(rng, 1, 10)
    other = ids.clone()
    other[:, 6:] = 0
    moved = (model(ids) - model(other)).abs().sum(-1)[0] > 1e-9
    assert moved.tolist() == [False] * 6 + [True] * 4
    assert as_written("who_sees_pad", reference.who_sees_pad) == "C"


def test_the_poll_on_two_batches_follows_from_the_sum_of_all_surprises(reference, as_written):
    total = 100 * math.log(2) + 300 * math.log(8)
    assert math.exp(total / 400) == pytest.approx(2**2.5)
    assert as_written("two_batches", reference.two_batches) == "D"


def test_the_poll_on_micro_batches_follows_from_the_gradients(reference, rng, as_written):
    model, ids = _model(reference), _ids(rng, 5, 11)
    ids[:2, 6:] = 0  # 10 real targets, and 30
    whole, one, two = (reference.lm_loss(model, part, pad_id=0) for part in (ids, ids[:2], ids[2:]))
    assert [int((part[:, 1:] != 0).sum()) for part in (ids[:2], ids[2:])] == [10, 30]
    p = model.norm.weight
    expected, *parts = (torch.autograd.grad(loss, p)[0] for loss in (whole, one, two))
    sums = {"A": (1, 1), "B": (0.5, 0.5), "C": (0.25, 0.75), "D": (10, 30)}
    right = [c for c, (a, b) in sums.items() if torch.allclose(a * parts[0] + b * parts[1], expected)]
    assert right == [as_written("micro_batches", reference.micro_batches)]


# --- the bank, for a student who has nothing else right

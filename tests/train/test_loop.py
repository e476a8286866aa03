import copy
import math

import pytest
import torch
from torch.nn import functional as F

from lecture_lib.train import DivergedError, InputError, TrainConfig, lr_at
from lecture_lib.train.device import Device, find_device
from lecture_lib.train.loop import seed_of
from lecture_lib.train.runner import make_trainer
from lecture_lib.train.workers import Workers

CPU = Device(torch.device("cpu"), "CPU", bf16=False, fused=False, compiles=False)
FP16 = Device(torch.device("cpu"), "CPU", bf16=False, fused=True, compiles=False, fp16=True)


def trained(config, data, device=None, **hooks):
    """A trainer after its run, and the rows that it logged."""
    rows = []
    trainer, _floor = make_trainer(config, data, device)
    trainer.run([rows.append], **hooks)
    return trainer, rows


def losses(rows) -> list[float]:
    return [row.loss for row in rows]


def test_the_losses_are_those_of_a_plain_loop(tiny, tiny_data):
    trainer, _floor = make_trainer(tiny, tiny_data, CPU)
    model, expected = make_trainer(tiny, tiny_data, CPU)[0].model, []
    named = dict(model.named_parameters())
    decayed = [p for p in named.values() if p.dim() == 2]
    others = [p for p in named.values() if p.dim() == 1]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1.0, betas=(0.9, 0.98))
    for step in range(5):
        for group in optimizer.param_groups:
            group["lr"] = lr_at(step, tiny)
        inputs, targets = trainer.batches.collate(trainer.batches.spans(step, 4))
        loss = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        expected.append(loss.item())
    seen = [trainer.update()[0].item() for _ in range(5)]
    assert seen == pytest.approx(expected, abs=1e-5)


def test_training_lowers_the_held_out_loss(tiny, tiny_data):
    before = make_trainer(tiny, tiny_data)[0].evaluate()
    trainer, rows = trained(tiny, tiny_data)
    assert rows[-1].heldout < before - 1
    assert rows[-1].heldout == pytest.approx(trainer.evaluate())


@pytest.mark.parametrize("micro_batch", [1, 3])
def test_accumulated_gradients_are_those_of_the_whole_batch(tiny, tiny_data, micro_batch):
    _trainer, whole = trained(tiny, tiny_data)
    _trainer, cut = trained(tiny.changed(micro_batch=micro_batch), tiny_data)
    assert losses(cut) == pytest.approx(losses(whole), abs=1e-4)
    assert [row.grad_norm for row in cut] == pytest.approx([row.grad_norm for row in whole], rel=1e-3)


def test_how_often_a_run_is_watched_changes_no_loss(tiny, tiny_data):
    config = tiny.changed(dropout=0.2, steps=12)
    _trainer, often = trained(config.changed(eval_every=1, save_every=1), tiny_data)
    _trainer, seldom = trained(config.changed(log_every=4, eval_every=100), tiny_data)
    assert [row.step for row in seldom] == [4, 8, 10, 12]  # 10 is due for a checkpoint
    assert losses(seldom) == [often[step - 1].loss for step in (4, 8, 10, 12)]


@pytest.mark.parametrize("block_size", [192, 24])
def test_a_stopped_run_goes_on_with_the_same_losses_dropout_included(tiny, tiny_data, block_size):
    config = tiny.changed(dropout=0.2, block_size=block_size, steps=20)
    _trainer, unbroken = trained(config, tiny_data)
    asked = iter([False] * 6 + [True])
    stopped, rows = trained(config, tiny_data, stop=lambda: next(asked))
    state = copy.deepcopy(stopped.state())
    resumed, _floor = make_trainer(config, tiny_data)
    resumed.load_state(state)
    resumed.run([rows.append])
    assert stopped.step == 7
    assert losses(rows) == losses(unbroken)


def test_two_seeds_differ(tiny, tiny_data):
    _trainer, one = trained(tiny.changed(steps=2), tiny_data)
    _trainer, other = trained(tiny.changed(steps=2, seed=1), tiny_data)
    assert losses(one) != losses(other)


def test_dropout_differs_from_step_to_step():
    seeds = [seed_of(0, step, rank) for step in range(100) for rank in range(3)]
    assert len(set(seeds)) == len(seeds)


def test_torchs_generator_is_left_as_it_was_found(tiny, tiny_data):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    trained(tiny.changed(steps=2, dropout=0.1), tiny_data)
    assert torch.equal(torch.rand(3), expected)


def test_a_run_that_diverges_says_so_and_saves_nothing(tiny, tiny_data):
    saved = []
    with pytest.raises(DivergedError, match=r"the loss is (nan|inf).* lower lr"):
        trained(tiny.changed(lr=1e30, save_every=30), tiny_data, save=lambda: saved.append(1))
    assert not saved


def test_the_gradient_is_clipped(tiny, tiny_data):
    trainer, _floor = make_trainer(tiny.changed(clip=1e-3), tiny_data)
    seen = []
    step = trainer.optimizer.step
    trainer.optimizer.step = lambda: (seen.append(grad_norm(trainer.model)), step())
    _loss, norm = trainer.update()
    assert norm > 0.1
    assert seen == [pytest.approx(1e-3, rel=1e-3)]


def grad_norm(model) -> float:
    return math.sqrt(sum(float(p.grad.square().sum()) for p in model.parameters()))


def test_bf16_autocast_keeps_float32_weights_and_nearly_the_same_losses(tiny, tiny_data):
    device = Device(torch.device("cpu"), "CPU", bf16=True, fused=True, compiles=False)
    trainer, rounded = trained(tiny.changed(steps=10), tiny_data, device)
    _trainer, exact = trained(tiny.changed(steps=10), tiny_data, CPU)
    assert losses(rounded) != losses(exact)
    assert losses(rounded) == pytest.approx(losses(exact), abs=0.05)
    assert {p.dtype for p in trainer.model.parameters()} == {torch.float32}


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_fp16_with_a_scaled_loss_gives_nearly_the_same_losses(tiny, tiny_data, optimizer):
    how = tiny.changed(steps=10, optimizer=optimizer)
    trainer, rounded = trained(how, tiny_data, FP16)
    _trainer, exact = trained(how, tiny_data, CPU)
    assert losses(rounded) != losses(exact)
    assert losses(rounded) == pytest.approx(losses(exact), abs=0.05)
    assert {p.dtype for p in trainer.model.parameters()} == {torch.float32}


def test_a_gradient_too_large_for_fp16_costs_a_step_and_halves_the_scale(tiny, tiny_data):
    trainer, _floor = make_trainer(tiny.changed(steps=3), tiny_data, FP16)
    trainer.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**60)
    before = [p.detach().clone() for p in trainer.model.parameters()]
    rows = []
    trainer.run([rows.append])
    assert trainer.scaler.get_scale() < 2.0**60
    assert all(torch.equal(p, old) for p, old in zip(trainer.model.parameters(), before))
    assert all(math.isfinite(row.loss) for row in rows)


def test_the_scale_of_fp16_goes_on_after_a_resume(tiny, tiny_data):
    trainer, _rows = trained(tiny.changed(steps=2), tiny_data, FP16)
    trainer.scaler.update(1024.0)
    resumed, _floor = make_trainer(tiny.changed(steps=4), tiny_data, FP16)
    resumed.load_state(trainer.state())
    assert resumed.scaler.get_scale() == 1024.0
    in_float32, _floor = make_trainer(tiny.changed(steps=4), tiny_data, CPU)
    in_float32.load_state(trainer.state())
    resumed.load_state(in_float32.state())
    assert resumed.scaler.get_scale() == 1024.0


def test_a_loop_that_does_not_scale_gets_float32_where_there_is_no_bf16():
    with FP16.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
    with FP16.autocast(scaled=True):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float16


def test_a_compiled_loss_is_the_same(tiny, tiny_data, monkeypatch):
    compiled = torch.nn.Module.compile
    # The graph is captured as always, and run without the minutes that generating code takes.
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self: compiled(self, backend="aot_eager", fullgraph=True))
    device = Device(torch.device("cpu"), "CPU", bf16=False, fused=True, compiles=True)
    _trainer, rows = trained(tiny.changed(steps=4), tiny_data, device)
    _trainer, plain = trained(tiny.changed(steps=4), tiny_data, CPU)
    assert losses(rows) == pytest.approx(losses(plain), abs=1e-5)


@pytest.mark.skipif(torch.cuda.is_available(), reason="asks for a GPU where there is none")
def test_a_gpu_that_is_not_there_is_one_clear_line(tiny):
    with pytest.raises(InputError, match="process 0 of this machine needs GPU number 0, but torch finds 0"):
        find_device(tiny.changed(device="cuda"))


def test_more_processes_than_rows_are_refused(tiny, tiny_data):
    with pytest.raises(InputError, match="batch_size is 4, and 5 processes share it"):
        make_trainer(tiny, tiny_data, CPU, Workers(0, 5))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_cuda_the_losses_are_nearly_those_of_the_cpu(tiny, tiny_data):
    _trainer, there = trained(tiny.changed(device="cuda", steps=10), tiny_data)
    _trainer, here = trained(tiny.changed(steps=10), tiny_data, CPU)
    assert losses(there) == pytest.approx(losses(here), abs=0.1)


def test_work_that_students_saved_under_version_0_1_finds_its_device():
    from lecture_lib.train.device import find_place

    place = find_place(TrainConfig(device="cpu"))
    assert place.device == torch.device("cpu")
    assert torch.equal(place.put(torch.ones(2))[0], torch.ones(2))

import pytest

from lecture_lib.train import PRESETS, InputError, TrainConfig, preset


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_configuration_whose_model_can_be_built(name):
    config = preset(name)
    shape = config.shape(config.vocab_size or 104)
    assert shape.n_params > 0
    assert shape.block_size == config.block_size


def test_the_gpu_preset_has_some_30_million_parameters():
    config = preset("gpu")
    assert 25e6 < config.shape(config.vocab_size).n_params < 35e6


def test_a_preset_takes_changes():
    assert preset("laptop", steps=7).steps == 7


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: preset("huge"), "there is no preset 'huge'; there are laptop, gpu"),
        (lambda: preset("laptop", step=7), "a run has no setting 'step'"),
        (lambda: TrainConfig(steps=0), "steps is 0; give a number above 0"),
        (lambda: TrainConfig(warmup=1.5), "warmup is 1.5; give a share from 0 to 1"),
        (lambda: TrainConfig(dropout=1), "dropout is 1; give a share from 0 to below 1"),
        (lambda: TrainConfig(beta2=1.0), "beta2 is 1.0; give a share from 0 to below 1"),
        (lambda: TrainConfig(lr=float("nan")), "lr is nan; give a number above 0"),
        (lambda: TrainConfig(lr=float("inf")), "lr is inf; give a number above 0"),
        (lambda: TrainConfig(seed=-1), "seed is -1; give 0 or more"),
        (lambda: TrainConfig(weight_decay=-0.1), "weight_decay is -0.1; give 0 or more"),
        (lambda: TrainConfig(tokenizer="letters"), "choose one of auto, word, char, bpe"),
        (lambda: TrainConfig(optimizer="sgd"), "choose one of adamw, muon"),
        (lambda: TrainConfig(d_model=30).shape(10), "d_model=30 does not divide into n_heads=4"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_expected(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_differences_name_what_changes_the_losses_and_nothing_else():
    one, other = TrainConfig(lr=1e-3, micro_batch=2, device="cpu"), TrainConfig(lr=2e-3)
    assert one.differences(other) == ["lr is 0.001, not 0.002"]

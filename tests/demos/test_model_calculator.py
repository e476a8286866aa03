"""The model calculator: against real models and GPT-3's table, and the browser's numbers against Python's."""

from dataclasses import asdict, replace

import pytest

from lecture_lib import demos
from lecture_lib.demos.model_calculator import MODELS, Model, compute, model_of
from lecture_lib.models import Config, TransformerLM
from lecture_lib.models.cache import KVCache


@pytest.mark.parametrize("llama", [False, True])
@pytest.mark.parametrize("tied_head", [False, True])
def test_parameters_are_those_of_the_library_s_model(llama, tied_head):
    kind = {"norm": "rms", "positions": "rope", "activation": "swiglu", "bias": False} if llama else {}
    config = Config(50, 32, 24, 4, 3, n_kv_heads=2, tied_head=tied_head, **kind)
    counted = sum(p.numel() for p in TransformerLM(config).parameters())
    assert compute(model_of(config))["n_params"] == counted == config.n_params


@pytest.mark.parametrize(("name", "n_params"), [("gpt2-small", 124_439_808), ("smollm2-135m", 134_515_008)])
def test_presets_have_the_parameters_that_are_published(name, n_params):
    assert compute(MODELS[name])["n_params"] == n_params
    shape = {key: value for key, value in asdict(MODELS[name]).items() if hasattr(Config, key) or key == "d_ff"}
    config = Config.preset(name)
    assert all(getattr(config, key) == value for key, value in shape.items())


# Brown et al. 2020, table 2.1 (parameters) and table D.1 (petaflop/s-days of training)
TABLE = {
    "GPT-3 Small": (125e6, 2.60),
    "GPT-3 Medium": (350e6, 7.42),
    "GPT-3 Large": (760e6, 15.8),
    "GPT-3 XL": (1.3e9, 27.5),
    "GPT-3 2.7B": (2.7e9, 55.2),
    "GPT-3 6.7B": (6.7e9, 139),
    "GPT-3 13B": (13.0e9, 268),
    "GPT-3 175B": (175.0e9, 3640),
}


@pytest.mark.parametrize("name", TABLE)
def test_gpt_3_s_table_comes_out(name):
    n_params, days = TABLE[name]
    found = compute(MODELS[name])
    assert found["n_params"] == pytest.approx(n_params, rel=0.02)
    assert found["petaflop_days"] == pytest.approx(days, rel=0.02)


def test_the_cache_is_the_library_s():
    config = Config(vocab_size=11, block_size=32, d_model=24, n_heads=4, n_layers=3, n_kv_heads=2)
    found = compute(replace(model_of(config), bytes=4, batch=5))
    assert found["cache_batch"] == KVCache(config, 5, 32).bytes


def test_time_is_operations_by_what_the_machine_does_in_a_second():
    found = compute(replace(MODELS["gpt2-small"], n_tokens=1e9, peak=100, utilisation=0.5, gpus=4))
    assert found["seconds"] == pytest.approx(6 * 124_439_808 * 1e9 / 200e12)


@pytest.mark.parametrize("name", MODELS)
def test_the_browser_s_numbers_are_python_s(in_node, name):
    for model in (MODELS[name], replace(MODELS[name], llama=True, tied_head=False, bytes=0.5)):
        wanted = compute(model)
        found = in_node("costs", "cost", asdict(model))
        assert found.pop("parts") == wanted.pop("parts")
        assert found == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize(
    ("function", "value", "text"),
    [
        ("brief", 124_439_808, "124M"), ("brief", 999_900, "1M"), ("brief", 3.14e23, "3.14e23"), ("brief", 87, "87"),
        ("inBytes", 9.66e9, "9.66 GB"), ("duration", 86_400 * 71, "71 days"), ("duration", 7489, "2.08 hours"),
        ("duration", 365.25 * 86_400 * 1234, "1,230 years"), ("duration", 0.5, "0.5 seconds"),
    ],
)  # fmt: skip
def test_numbers_are_written_short(in_node, function, value, text):
    assert in_node("costs", function, value) == text


def test_a_keyword_of_show_is_a_field_of_the_model():
    assert demos.model_calculator.show("GPT-3 13B", gpus=7).state == asdict(replace(MODELS["GPT-3 13B"], gpus=7))


@pytest.mark.parametrize(
    ("arguments", "changes", "said"),
    [
        (["GPT-9"], {}, "no model &#x27;GPT-9&#x27;"),
        ([], {"width": 3}, "no &#x27;width&#x27;"),
        ([], {"n_heads": 5}, "n_heads=5"),
        ([], {"gpus": 0}, "gpus is 0"),
        ([3], {}, "a int has no n_layers"),
    ],
)
def test_what_cannot_be_computed_is_said_in_one_line(arguments, changes, said):
    assert said in demos.model_calculator.show(*arguments, **changes).still


def test_the_default_is_gpt_2():
    assert demos.model_calculator.show().state == asdict(Model())

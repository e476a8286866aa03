"""Small GGUF files as models, against `transformers` loading the same file."""

import numpy as np
import pytest
import torch

from lecture_lib import pretrained
from lecture_lib.pretrained import weights
from lecture_lib.pretrained.gguf_file import GGUFError, read_gguf

IDS = torch.tensor([[5, 260, 17, 280, 3, 99, 100, 264, 31, 8]])


def peer_logits(path):
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate", reason="transformers reads GGUF files only beside accelerate")
    peer = transformers.LlamaForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    with torch.no_grad():
        return peer.eval()(IDS).logits


def our_logits(path, **options):
    with torch.no_grad():
        return pretrained.load(path=path, **options).model(IDS)


@pytest.mark.parametrize(("kind", "tied"), [("F32", True), ("F32", False), ("Q4_1", True), ("Q8_0", False)])
def test_logits_are_those_of_transformers_with_the_same_file(write_gguf, kind, tied):
    path = write_gguf(kind, tied)
    torch.testing.assert_close(our_logits(path), peer_logits(path), atol=1e-4, rtol=0)


def test_logits_differ_where_q_and_k_are_left_permuted(write_gguf, monkeypatch):
    path = write_gguf()
    expected = our_logits(path)
    monkeypatch.setattr(weights, "unpermute", lambda weight, n_heads: weight)
    assert (our_logits(path) - expected).abs().max() > 0.05


def test_a_tied_head_shares_the_memory_of_the_embedding(write_gguf):
    model, _ = pretrained.load(path=write_gguf(tied=True))
    assert model.head.weight is model.embeddings.tokens.weight


def test_an_untied_head_has_weights_of_its_own(write_gguf):
    path = write_gguf(tied=False)
    model, _ = pretrained.load(path=path)
    np.testing.assert_array_equal(model.head.weight.detach().numpy(), read_gguf(path).tensor("output.weight"))


def test_the_model_has_the_files_shape_and_is_in_evaluation_mode(write_gguf):
    model, tokenizer = pretrained.load(path=write_gguf())
    config = model.config
    assert (config.n_layers, config.n_heads, config.n_kv_heads, config.d_ff) == (2, 4, 2, 96)
    assert (config.block_size, config.rope_theta, config.vocab_size) == (64, 5000.0, tokenizer.vocab_size)
    assert model.n_params == config.n_params
    assert not model.training


def test_loading_leaves_the_random_state_and_the_threads_alone(write_gguf):
    path = write_gguf()
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    pretrained.load(path=path)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_parameters_come_in_the_dtype_asked_for(write_gguf):
    path = write_gguf()
    exact = our_logits(path)
    model, _ = pretrained.load(path=path, dtype=torch.bfloat16)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}
    with torch.no_grad():
        torch.testing.assert_close(model(IDS).float(), exact, atol=0.2, rtol=0)


def test_a_loaded_model_can_be_trained_on(write_gguf):
    model, _ = pretrained.load(path=write_gguf())
    before = model.loss(IDS)
    before.backward()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter -= 0.05 * parameter.grad
    assert model.loss(IDS) < before


def test_another_architecture_is_refused_by_name(write_gguf):
    with pytest.raises(GGUFError, match="the architecture 'falcon'; only 'llama'"):
        pretrained.load(path=write_gguf(architecture="falcon"))


@pytest.mark.parametrize(("key", "value"), [("llama.rope.scaling.type", "yarn"), ("llama.expert_count", 8)])
def test_what_would_be_computed_otherwise_is_refused(write_gguf, key, value):
    with pytest.raises(GGUFError, match=f"{key} = {value!r}"):
        pretrained.load(path=write_gguf(keys={key: value}))


def test_weights_that_have_no_place_are_named(write_gguf):
    path = write_gguf(tensors={"blk.1.attn_q.bias": np.zeros(64, np.float32)})
    with pytest.raises(ValueError, match=r"blk\.1\.attn_q\.bias"):
        pretrained.load(path=path)


def test_missing_weights_are_named(write_gguf):
    with pytest.raises(ValueError, match=r"no weights blk\.0\.ffn_up\.weight"):
        pretrained.load(path=write_gguf(tensors={"blk.0.ffn_up.weight": None}))


def test_weights_of_another_shape_are_named(write_gguf):
    path = write_gguf(tensors={"blk.0.ffn_down.weight": np.zeros((64, 128), np.float32)})
    with pytest.raises(ValueError, match=r"blk\.0\.ffn_down\.weight is \(64, 128\), and \(64, 96\) is needed"):
        pretrained.load(path=path)


def test_load_takes_exactly_one_source():
    with pytest.raises(ValueError, match="one of a name, path= and hub=, not 0"):
        pretrained.load()
    with pytest.raises(ValueError, match="not 2"):
        pretrained.load("smollm2-135m", path="here.gguf")


def test_an_unknown_name_is_answered_with_those_known():
    with pytest.raises(ValueError, match="no pretrained model 'gpt-5'; there is smollm2-135m"):
        pretrained.load("gpt-5")

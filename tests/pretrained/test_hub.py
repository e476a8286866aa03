"""Repositories of the Llama shape from folders that `transformers` has saved; the network itself is not there."""

import json

import pytest
import torch

from lecture_lib import pretrained
from lecture_lib.corpora.download import DownloadError

transformers = pytest.importorskip("transformers")
pytest.importorskip("safetensors", reason="the extra `pretrained` is not installed")

IDS = torch.tensor([[5, 260, 17, 280, 3, 99, 100, 264]])


@pytest.fixture
def save(tmp_path, small_tokenizer):
    """Saves a small random Llama as a repository has it -> (folder, the model)."""

    def saved(tied: bool = True, **options):
        config = transformers.LlamaConfig(
            vocab_size=small_tokenizer.vocab_size,
            hidden_size=64,
            intermediate_size=96,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=64,
            tie_word_embeddings=tied,
            rope_parameters={"rope_type": "default", "rope_theta": 5000.0},
        )
        torch.manual_seed(0)
        model = transformers.LlamaForCausalLM(config).eval()
        model.save_pretrained(tmp_path, **options)
        small_tokenizer.save(tmp_path / "tokenizer.json")
        roles = {"bos_token": "<|im_start|>", "eos_token": {"content": "<|im_end|>"}, "unk_token": None}
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(roles))
        return tmp_path, model

    return saved


def edit_config(folder, **changes):
    path = folder / "config.json"
    data = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in data.items() if value is not None}))


@torch.no_grad()
def assert_same_logits(folder, peer):
    torch.testing.assert_close(pretrained.load(path=folder).model(IDS), peer(IDS).logits, atol=1e-4, rtol=0)


@pytest.mark.parametrize("tied", [True, False])
def test_logits_are_those_of_the_saved_model(save, tied):
    assert_same_logits(*save(tied))


def test_weights_in_several_files_are_put_together(save):
    folder, peer = save(max_shard_size="100KB")
    assert len(list(folder.glob("*.safetensors"))) > 1
    assert_same_logits(folder, peer)


def test_the_older_form_of_config_is_understood(save):
    folder, peer = save()
    edit_config(folder, rope_parameters=None, rope_theta=5000.0, rope_scaling=None)
    assert_same_logits(folder, peer)


def test_the_tokenizer_and_its_roles_come_with_the_model(save, small_tokenizer):
    _, tokenizer = pretrained.load(path=save()[0])
    text = "the narwhal met 12 seals"
    assert tokenizer.encode(text) == small_tokenizer.encode(text)
    assert (tokenizer.bos_id, tokenizer.eos_id) == (small_tokenizer.bos_id, small_tokenizer.eos_id)


@pytest.mark.parametrize(
    "changes",
    [{"model_type": "gpt2"}, {"hidden_act": "gelu"}, {"head_dim": 32}],
    ids=["another type", "another activation", "wider heads"],
)
def test_what_would_be_computed_otherwise_is_refused(save, changes):
    folder, _ = save()
    edit_config(folder, **changes)
    with pytest.raises(ValueError, match=f"{next(iter(changes))} = "):
        pretrained.load(path=folder)


def test_scaled_rotations_are_refused(save):
    folder, _ = save()
    edit_config(folder, rope_parameters=None, rope_theta=5000.0, rope_scaling={"rope_type": "yarn", "factor": 2.0})
    with pytest.raises(ValueError, match="'yarn' are not supported"):
        pretrained.load(path=folder)


def test_scaled_rotations_are_refused_in_the_oldest_form_too(save):
    folder, _ = save()
    edit_config(folder, rope_parameters=None, rope_theta=5000.0, rope_scaling={"type": "linear", "factor": 2.0})
    with pytest.raises(ValueError, match="'linear' are not supported"):
        pretrained.load(path=folder)


def test_a_config_that_does_not_say_all_is_named_with_what_is_missing(save):
    folder, _ = save()
    edit_config(folder, num_hidden_layers=None)
    with pytest.raises(ValueError, match=r"config\.json does not say num_hidden_layers"):
        pretrained.load(path=folder)


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_a_damaged_file_of_settings_is_named(save, name):
    folder, _ = save()
    (folder / name).write_text("{half")
    with pytest.raises(ValueError, match=f"{name} is no JSON object"):
        pretrained.load(path=folder)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_file_is_named(save, name):
    folder, _ = save()
    (folder / name).unlink()
    with pytest.raises(ValueError, match=rf"{name}|no \*\.safetensors"):
        pretrained.load(path=folder)


def test_a_repository_that_cannot_be_fetched_is_told_in_one_line(monkeypatch, tmp_path):
    hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setenv("LECTURE_DATA", str(tmp_path))

    def refuse(*_, **__):
        raise OSError("no way to the host\nand much more to say")

    monkeypatch.setattr(hub, "snapshot_download", refuse)
    with pytest.raises(DownloadError, match=r"someone/model can't be fetched .*no way to the host") as caught:
        pretrained.load(hub="someone/model")
    assert "\n" not in str(caught.value)


def test_a_fetched_repository_is_loaded_from_its_folder(monkeypatch, tmp_path, save):
    hub = pytest.importorskip("huggingface_hub")
    folder, peer = save()
    asked = {}
    monkeypatch.setattr(
        hub, "snapshot_download", lambda name, **options: asked.update(options, name=name) or str(folder)
    )
    model, _ = pretrained.load(hub="someone/model", revision="abc")
    with torch.no_grad():
        torch.testing.assert_close(model(IDS), peer(IDS).logits, atol=1e-4, rtol=0)
    assert (asked["name"], asked["revision"]) == ("someone/model", "abc")

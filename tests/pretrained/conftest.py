"""A small model in a GGUF file, written with the `gguf` package as converters write it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lecture_lib.tokenizers import ByteBPE, Specials

D_MODEL, N_HEADS, N_KV_HEADS, N_LAYERS, D_FF = 64, 4, 2, 2, 96
TEXT = "the narwhal met 12 seals, and the seals met 345 narwhals; it's the narwhals' day. " * 3


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def small_tokenizer() -> ByteBPE:
    specials = Specials(pad="<|im_end|>", unk=None, bos="<|im_start|>", eos="<|im_end|>", others=("<|endoftext|>",))
    return ByteBPE.train(TEXT, 300, specials=specials, individual_digits=True)


def llama_weights(vocab_size: int, tied: bool) -> dict[str, np.ndarray]:
    """Random tensors under the names of a GGUF file, in the order of rows that such files have."""
    rng = np.random.default_rng(0)
    d_k = D_MODEL // N_HEADS

    def matrix(rows: int, columns: int) -> np.ndarray:
        return (rng.standard_normal((rows, columns)) / columns**0.5).astype(np.float32)

    def norm() -> np.ndarray:
        return rng.uniform(0.5, 1.5, D_MODEL).astype(np.float32)

    tensors = {"token_embd.weight": matrix(vocab_size, D_MODEL), "output_norm.weight": norm()}
    if not tied:
        tensors["output.weight"] = matrix(vocab_size, D_MODEL)
    shapes = {
        "attn_q": (D_MODEL, D_MODEL),
        "attn_k": (N_KV_HEADS * d_k, D_MODEL),
        "attn_v": (N_KV_HEADS * d_k, D_MODEL),
        "attn_output": (D_MODEL, D_MODEL),
        "ffn_gate": (D_FF, D_MODEL),
        "ffn_up": (D_FF, D_MODEL),
        "ffn_down": (D_MODEL, D_FF),
    }
    for layer in range(N_LAYERS):
        tensors |= {f"blk.{layer}.{name}.weight": matrix(*shape) for name, shape in shapes.items()}
        tensors |= {f"blk.{layer}.{name}.weight": norm() for name in ("attn_norm", "ffn_norm")}
    return tensors


@pytest.fixture
def write_gguf(tmp_path, small_tokenizer):
    """Writes a small llama: (kind of its matrices, tied, keys to change, tensors to change) -> its path."""
    gguf = pytest.importorskip("gguf", reason="the extra `pretrained` is not installed")

    def write(
        kind: str = "F32",
        tied: bool = True,
        architecture: str = "llama",
        keys: dict | None = None,
        tensors: dict | None = None,
        cut: str = "smollm",
    ) -> Path:
        path = tmp_path / f"{kind}-{tied}.gguf"
        writer = gguf.GGUFWriter(path, architecture)
        writer.add_block_count(N_LAYERS)
        writer.add_context_length(64)
        writer.add_embedding_length(D_MODEL)
        writer.add_feed_forward_length(D_FF)
        writer.add_head_count(N_HEADS)
        writer.add_head_count_kv(N_KV_HEADS)
        writer.add_layer_norm_rms_eps(1e-5)
        writer.add_rope_freq_base(5000.0)
        writer.add_rope_dimension_count(D_MODEL // N_HEADS)
        writer.add_vocab_size(small_tokenizer.vocab_size)
        write_tokenizer(writer, small_tokenizer, cut)
        for key, value in (keys or {}).items():
            (writer.add_string if isinstance(value, str) else writer.add_uint32)(key, value)
        for name, values in (llama_weights(small_tokenizer.vocab_size, tied) | (tensors or {})).items():
            if values is not None:
                wanted = gguf.GGMLQuantizationType[kind if values.ndim == 2 else "F32"]
                writer.add_tensor(name, gguf.quants.quantize(values, wanted), raw_dtype=wanted)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path

    return write


def write_tokenizer(writer, tokenizer: ByteBPE, cut: str) -> None:
    control = set(tokenizer.specials.control())
    tokens = sorted(tokenizer.vocab, key=tokenizer.vocab.get)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(cut)
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token in control else 1 for token in tokens])
    writer.add_token_merges([" ".join(merge) for merge in tokenizer.merges])
    writer.add_bos_token_id(tokenizer.bos_id)
    writer.add_eos_token_id(tokenizer.eos_id)
    writer.add_pad_token_id(tokenizer.pad_id)
    writer.add_unk_token_id(tokenizer.vocab["<|endoftext|>"])

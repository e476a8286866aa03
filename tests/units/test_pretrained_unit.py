"""Unit 11_pretrained against torch, transformers, NumPy and brute force: lesson and fallbacks alike."""

import itertools
import math
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lecture_lib import pretrained
from lecture_lib.fallbacks import pretrained as fallbacks
from lecture_lib.fallbacks.multihead import merge_heads, split_heads
from lecture_lib.fallbacks.transformer_block import apply_rope
from lecture_lib.models.config import Config

UNIT = "11_pretrained"
SMOLLM2 = Config.preset("smollm2-135m")

# The parts of a Llama as Hugging Face and as GGUF files call them.
FILE_NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "model.layers": "blk",
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def drawn(*shape):
    return torch.randn(*shape, dtype=torch.float64)


class Bigrams:
    """A model whose next token depends on the last one alone: every probability can be read off a table."""

    def __init__(self, vocab_size):
        self.log_p = torch.log_softmax(2.0 * drawn(vocab_size, vocab_size), dim=-1)

    def __call__(self, ids):
        return self.log_p[ids] + 5.0  # logits: the same constant more leaves the probabilities as they are

    def log_probability(self, ids):
        """Of all ids after the first."""
        return sum(float(self.log_p[a, b]) for a, b in itertools.pairwise(ids))


# -------------------------------------------------------------------- the parts of a block


@pytest.mark.parametrize("eps", [1e-6, 0.7])
@pytest.mark.parametrize("shape", [(8,), (3, 8), (2, 3, 8)])
def test_rms_norm_is_that_of_torch(answers, shape, eps):
    norm = nn.RMSNorm(8, eps=eps, dtype=torch.float64)
    with torch.no_grad():
        norm.weight.copy_(drawn(8))
    x = 3.0 * drawn(*shape) + 1.0
    assert torch.allclose(answers.rms_norm(x, norm.weight, eps), norm(x))


def test_rms_norm_differs_from_layer_norm_by_the_mean_alone(answers):
    x, ones = drawn(4, 9), torch.ones(9, dtype=torch.float64)
    centred = x - x.mean(-1, keepdim=True)
    assert torch.allclose(answers.rms_norm(centred, ones, 1e-5), F.layer_norm(x, (9,), eps=1e-5))
    assert not torch.allclose(answers.rms_norm(x, ones, 1e-5), F.layer_norm(x, (9,), eps=1e-5))


@pytest.mark.parametrize("n_kv_heads", [1, 2, 3, 6])
def test_grouped_queries_are_those_of_torch(answers, n_kv_heads):
    Q, K, V = drawn(2, 6, 5, 4), drawn(2, n_kv_heads, 5, 4), drawn(2, n_kv_heads, 5, 4)
    expected = F.scaled_dot_product_attention(Q, K, V, is_causal=True, enable_gqa=True)
    assert torch.allclose(answers.grouped_query_attention(Q, K, V), expected)


def test_each_query_head_attends_by_hand_with_the_key_head_of_its_group(answers):
    Q, K, V = drawn(2, 6, 4, 3), drawn(2, 2, 4, 3), drawn(2, 2, 4, 3)
    seen = answers.grouped_query_attention(Q, K, V)
    for b, head, t in np.ndindex(2, 6, 4):
        keys, values = K[b, head // 3, : t + 1].numpy(), V[b, head // 3, : t + 1].numpy()
        e = np.exp(keys @ Q[b, head, t].numpy() / math.sqrt(3))
        assert np.allclose(seen[b, head, t], (e / e.sum()) @ values)


def test_scores_of_thousands_stay_finite(answers):
    Q, K, V = 5000.0 * drawn(1, 4, 6, 3), drawn(1, 2, 6, 3), drawn(1, 2, 6, 3)
    assert torch.isfinite(answers.grouped_query_attention(Q, K, V)).all()


def test_swiglu_is_what_its_authors_write(answers):
    """Shazeer 2020, eq. 6, in NumPy: (Swish(x W) * x V) W_2."""
    x, W_gate, W_up, W_down = drawn(2, 3, 5), drawn(7, 5), drawn(7, 5), drawn(5, 7)
    gate, up = (x.numpy() @ W.numpy().T for W in (W_gate, W_up))
    expected = (gate / (1 + np.exp(-gate)) * up) @ W_down.numpy().T
    assert np.allclose(answers.swiglu(x, W_gate, W_up, W_down), expected)


# -------------------------------------------------------------------- a whole model


def linear(d_in, d_out):
    return nn.Linear(d_in, d_out, bias=False)


class Block(nn.Module):
    def __init__(self, config, answers):
        super().__init__()
        d, d_kv, d_ff = config.d_model, config.n_kv_heads * config.d_k, config.d_ff
        self.config, self.answers = config, answers
        self.norm_1, self.norm_2 = nn.RMSNorm(d), nn.RMSNorm(d)
        self.W_q, self.W_k, self.W_v, self.W_o = linear(d, d), linear(d, d_kv), linear(d, d_kv), linear(d, d)
        self.W_gate, self.W_up, self.W_down = linear(d, d_ff), linear(d, d_ff), linear(d_ff, d)

    def forward(self, x):
        at, d_k, theta = torch.arange(x.shape[1]), self.config.d_k, self.config.rope_theta
        h = self.answers.rms_norm(x, self.norm_1.weight, self.config.norm_eps)
        Q, K, V = (W(h).unflatten(-1, (-1, d_k)).transpose(1, 2) for W in (self.W_q, self.W_k, self.W_v))
        heads = self.answers.grouped_query_attention(apply_rope(Q, at, theta), apply_rope(K, at, theta), V)
        x = x + self.W_o(heads.transpose(1, 2).flatten(2))
        h = self.answers.rms_norm(x, self.norm_2.weight, self.config.norm_eps)
        return x + self.answers.swiglu(h, self.W_gate.weight, self.W_up.weight, self.W_down.weight)


class SmallLlama(nn.Module):
    """A model from the answers, its parameters named as the lesson names them."""

    def __init__(self, config, answers):
        super().__init__()
        self.config, self.answers = config, answers
        self.tokens = nn.Embedding(config.vocab_size, config.d_model)
        self.blocks = nn.ModuleList(Block(config, answers) for _ in range(config.n_layers))
        self.norm, self.head = nn.RMSNorm(config.d_model), linear(config.d_model, config.vocab_size)
        if config.tied_head:
            self.head.weight = self.tokens.weight

    def forward(self, ids):
        x = self.tokens(ids)
        for block in self.blocks:
            x = block(x)
        return self.head(self.answers.rms_norm(x, self.norm.weight, self.config.norm_eps))


def config_of(tied):
    return SMOLLM2.changed(
        vocab_size=41, block_size=32, d_model=24, n_heads=6, n_kv_heads=2, n_layers=3, d_ff=40, tied_head=tied
    )


def huggingface_model(config):
    """Hugging Face's own Llama of that shape with drawn weights, its norms too, and its tensors by a file's names."""
    transformers = pytest.importorskip("transformers")
    theirs = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=config.vocab_size,
            hidden_size=config.d_model,
            intermediate_size=config.d_ff,
            num_hidden_layers=config.n_layers,
            num_attention_heads=config.n_heads,
            num_key_value_heads=config.n_kv_heads,
            max_position_embeddings=config.block_size,
            rms_norm_eps=config.norm_eps,
            tie_word_embeddings=config.tied_head,
            rope_parameters={"rope_type": "default", "rope_theta": config.rope_theta},
        )
    ).eval()
    tensors = {}
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            parameter.copy_(torch.randn_like(parameter) / (5.0 if parameter.dim() == 2 else 1.0))
            for part, in_a_file in FILE_NAMES.items():
                name = name.replace(part, in_a_file)
            tensors[name] = parameter.detach().numpy().copy()
    return theirs, tensors


@pytest.mark.parametrize("tied", [True, False])
def test_a_model_of_these_parts_has_the_logits_of_huggingface(answers, tied):
    config = config_of(tied)
    theirs, tensors = huggingface_model(config)
    model, ids = SmallLlama(config, answers), torch.randint(config.vocab_size, (2, 17))
    answers.load_weights(model, tensors)
    with torch.no_grad():
        assert torch.allclose(model(ids), theirs(ids).logits, rtol=1e-4, atol=1e-4)


def lesson_namespace(lesson, answers):
    """What is defined after the lesson's set-up and the classes of its model, with these answers as the student's."""
    namespace = {"__name__": "__main__"}
    exec(lesson.setup.source, namespace)
    earlier = {"split_heads": split_heads, "merge_heads": merge_heads, "apply_rope": apply_rope}
    parts = ("rms_norm", "grouped_query_attention", "swiglu", "load_weights")
    namespace["my"] = SimpleNamespace(**earlier, **{part: getattr(answers, part) for part in parts})
    for cell in lesson.cells:
        if cell.role == "" and re.search("^class ", cell.source, re.MULTILINE):
            exec(cell.source, namespace)
    return namespace


def test_the_lesson_s_own_model_has_the_logits_of_huggingface(lesson, answers):
    config = config_of(True)
    theirs, tensors = huggingface_model(config)
    model, ids = lesson_namespace(lesson, answers)["Llama"](config), torch.randint(config.vocab_size, (2, 17))
    answers.load_weights(model, tensors)
    with torch.no_grad():
        assert torch.allclose(model(ids), theirs(ids).logits, rtol=1e-4, atol=1e-4)


@pytest.mark.slow  # reads 135 million weights twice
@pytest.mark.skipif(not pretrained.is_cached(), reason="SmolLM2's file is not at hand: pretrained.fetch()")
def test_the_lesson_s_own_model_reads_the_real_weights_as_the_library_does(lesson, reference):
    namespace = lesson_namespace(lesson, reference)
    for cell in lesson.cells:
        if cell.role == "experiment" and ("read_gguf(" in cell.source or "theirs" in cell.source):
            exec(cell.source, namespace)
    assert torch.allclose(namespace["mine"], namespace["theirs"], atol=1e-3)


def small_file(config):
    """Drawn tensors by the names of a file, and for each what an error about it may call it."""
    model = SmallLlama(config, fallbacks)
    back = {"tokens": "token_embd", "norm": "output_norm", "head": "output", "blocks": "blk", "norm_1": "attn_norm"}
    back |= {"norm_2": "ffn_norm", "W_o": "attn_output"} | {f"W_{part}": f"attn_{part}" for part in "qkv"}
    back |= {f"W_{part}": f"ffn_{part}" for part in ("gate", "up", "down")}
    names = {name: ".".join(back.get(part, part) for part in name.split(".")) for name, _ in model.named_parameters()}
    tensors = {names[name]: torch.randn_like(p).numpy() for name, p in model.named_parameters()}
    return tensors, {in_a_file: re.escape(name) + "|" + re.escape(in_a_file) for name, in_a_file in names.items()}


@pytest.mark.parametrize("tied", [True, False])
def test_a_file_without_one_of_its_tensors_is_refused_whichever_it_is(answers, tied):
    config = config_of(tied).changed(n_layers=1)
    tensors, called = small_file(config)
    for name in tensors:
        rest = {other: tensors[other] for other in tensors if other != name}
        with pytest.raises(ValueError, match=called[name]):
            answers.load_weights(SmallLlama(config, answers), rest)


def test_a_tensor_of_another_shape_is_refused_and_changes_nothing_whichever_it_is(answers):
    config = config_of(False).changed(n_layers=1)
    tensors, called = small_file(config)
    model = SmallLlama(config, answers)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for name, array in tensors.items():
        with pytest.raises(ValueError, match=called[name]):
            answers.load_weights(model, {**tensors, name: array[:1]})
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())


def test_the_model_does_not_share_memory_with_the_file(answers):
    config = config_of(True).changed(n_layers=1)
    (tensors, _), model = small_file(config), SmallLlama(config, answers)
    answers.load_weights(model, tensors)
    for array in tensors.values():
        array[...] = 99.0
    assert not any((p == 99.0).any() for p in model.parameters())


# -------------------------------------------------------------------- tasks as the next word


def test_the_probabilities_of_all_continuations_sum_to_1(answers):
    model = Bigrams(5)
    labels = {str(pair): list(pair) for pair in itertools.product(range(5), repeat=2)}
    best, scores = answers.score_label(model, [3, 1, 4], labels)
    assert sum(math.exp(score) for score in scores.values()) == pytest.approx(1.0)
    assert best == max(labels, key=lambda name: model.log_probability([4, *labels[name]]))


def test_scores_are_those_of_a_table_of_bigrams(answers):
    model = Bigrams(7)
    labels = {"short": [2], "long": [2, 0, 5, 5], "other": [6, 1]}
    _, scores = answers.score_label(model, [0, 3], labels)
    assert scores == pytest.approx({name: model.log_probability([3, *label]) for name, label in labels.items()})


def test_no_score_keeps_a_graph_alive(answers):
    class Weighted(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Parameter(drawn(5, 5))

        def forward(self, ids):
            return self.table[ids]

    _, scores = answers.score_label(Weighted(), [1], {"a": [2], "b": [3, 4]})
    assert all(type(score) is float for score in scores.values())


@pytest.mark.parametrize("n", [0, 1, 5])
def test_a_prompt_can_be_read_back_into_its_examples(answers, n):
    examples = [(f"text {i}, with: colons", f"label {i}") for i in range(n)]
    prompt = answers.few_shot_prompt(examples, "the last one")
    *shown, asked = prompt.split("\n\n")
    assert [re.fullmatch(r"Review: (.*)\nSentiment: (.*)", part).groups() for part in shown] == examples
    assert asked == "Review: the last one\nSentiment:"


# -------------------------------------------------------------------- fine-tuning


def layer_with_drawn_parts(answers, bias=True, rank=3, alpha=4.5):
    layer = answers.LoRALinear(nn.Linear(7, 5, bias=bias, dtype=torch.float64), rank, alpha).double()
    with torch.no_grad():
        layer.lora_A.copy_(drawn(rank, 7))
        layer.lora_B.copy_(drawn(5, rank))
    return layer


def test_a_fresh_layer_answers_as_the_one_that_it_holds(answers):
    linear, x = nn.Linear(7, 5), torch.randn(3, 7)
    assert torch.equal(answers.LoRALinear(linear, 2, 8)(x), linear(x))


@pytest.mark.parametrize("bias", [True, False])
def test_the_merged_layer_answers_as_the_layer_does(answers, bias):
    layer, x = layer_with_drawn_parts(answers, bias), drawn(2, 3, 7)
    merged = layer.merge()
    assert isinstance(merged, nn.Linear)
    assert (merged.bias is not None) == bias
    assert torch.allclose(merged(x), layer(x))


@pytest.mark.parametrize("rank", [1, 2, 4])
def test_what_was_learned_has_the_rank_that_was_asked_for(answers, rank):
    layer = layer_with_drawn_parts(answers, rank=rank)
    change = (layer.merge().weight - layer.linear.weight).detach().numpy()
    assert np.linalg.matrix_rank(change) == rank
    assert np.allclose(change, 4.5 / rank * layer.lora_B.detach().numpy() @ layer.lora_A.detach().numpy())


def test_the_trained_parameters_are_rank_times_the_sum_of_both_widths(answers):
    layer = answers.LoRALinear(nn.Linear(70, 50), 4, 8)
    assert sum(p.numel() for p in layer.parameters() if p.requires_grad) == 4 * (70 + 50)


class Frozen(nn.Module):
    """Features that never change: a table of vectors."""

    def __init__(self, vocab_size, d):
        super().__init__()
        self.table = nn.Embedding(vocab_size, d, dtype=torch.float64)

    def forward(self, ids):
        return self.table(ids)


def test_a_head_on_frozen_features_learns_as_softmax_regression_by_hand(answers):
    """Losses and steps in NumPy: the gradient (p - y) x, and Adam as in Kingma and Ba 2015, algorithm 1."""
    model, head = Frozen(9, 4), nn.Linear(4, 3, bias=False, dtype=torch.float64)
    W, table = head.weight.detach().numpy().copy(), model.table.weight.detach().numpy().copy()
    batches = [(torch.randint(9, (n, 5)), torch.randint(3, (n,))) for n in (6, 2, 4, 5)]
    losses = answers.finetune(model, head, batches, 0.05)

    mean, square, expected = np.zeros_like(W), np.zeros_like(W), []
    for step, (ids, labels) in enumerate(batches, start=1):
        x, y = table[ids[:, -1]], np.eye(3)[labels]
        e = np.exp(x @ W.T)
        p = e / e.sum(1, keepdims=True)
        expected.append(-np.log((p * y).sum(1)).mean())
        gradient = (p - y).T @ x / len(y)
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        W = W - 0.05 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)

    assert losses == pytest.approx(expected)
    assert np.allclose(head.weight.detach().numpy(), W)
    assert np.array_equal(model.table.weight.detach().numpy(), table)


class WithLoRA(Frozen):
    def __init__(self, answers, vocab_size, d):
        super().__init__(vocab_size, d)
        self.mix = answers.LoRALinear(nn.Linear(d, d, dtype=torch.float64), 2, 4).double()

    def forward(self, ids):
        return torch.tanh(self.mix(self.table(ids)))


def test_the_loss_falls_and_the_base_stays(answers):
    model, head = WithLoRA(answers, 9, 6), nn.Linear(6, 2, dtype=torch.float64)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    ids = torch.randint(9, (16, 3))
    losses = answers.finetune(model, head, [(ids, (ids[:, -1] > 4).long())] * 60, 0.03)
    assert losses[-1] < 0.3 * losses[0]
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert moved == {"mix.lora_A", "mix.lora_B"}


# -------------------------------------------------------------------- what it holds


def sentence(template, word):
    return [i for token in template for i in (word if token is None else [token])]


def test_a_gap_is_the_difference_of_two_sentences_in_a_table_of_bigrams(answers):
    model, template = Bigrams(9), [4, 0, None, 7, 2]
    pairs = [([1], [2]), ([3, 3], [5]), ([6, 0, 1], [8, 8])]
    expected = [
        model.log_probability(sentence(template, first)) - model.log_probability(sentence(template, second))
        for first, second in pairs
    ]
    assert answers.bias_gap(model, template, pairs) == pytest.approx(np.mean(expected))


def test_a_model_that_knows_nothing_finds_a_longer_word_less_likely_by_log_v_a_token(answers):
    def nothing(ids):
        return torch.zeros(*ids.shape, 11, dtype=torch.float64)

    assert answers.bias_gap(nothing, [1, None, 2], [([3, 4, 5], [6])]) == pytest.approx(-2 * math.log(11))


def test_words_that_are_the_same_have_no_gap(answers):
    assert answers.bias_gap(Bigrams(9), [4, None, 7], [([1, 2], [1, 2])]) == 0.0


# -------------------------------------------------------------------- polls


def test_the_answer_to_the_poll_on_shared_keys_is_counted(reference, as_written):
    def sizes(n_kv_heads):
        config = SMOLLM2.changed(n_kv_heads=n_kv_heads)
        d, T = config.d_model, 100
        return {
            "A": config.n_heads * T * T,
            "B": 2 * config.n_layers * n_kv_heads * config.d_k * T,
            "C": 2 * d * d,
            "D": 6 * d * config.d_ff,
        }

    assert (SMOLLM2.n_heads, SMOLLM2.n_kv_heads) == (9, 3)
    every_head, shared = sizes(9), sizes(3)
    assert [letter for letter in "ABCD" if every_head[letter] == 3 * shared[letter]] == [
        as_written("grouped_cache", reference.grouped_cache)
    ]


def test_the_answer_to_the_poll_on_comparable_models_is_the_only_figure_that_ignores_the_cutting(reference, as_written):
    """One and the same distribution of texts, once by letters and once by pairs of them, on a text of ASCII."""
    chain, text = Bigrams(26), [ord(c) - ord("a") for c in "thenarwhalmetanothernarwhal"]
    letters = [float(chain.log_p[a, b]) for a, b in itertools.pairwise(text)]
    in_pairs = [sum(two) for two in zip(letters[::2], letters[1::2])]
    likeliest = chain.log_p.argmax(-1)
    hits = [int(likeliest[a]) == b for a, b in itertools.pairwise(text)]
    both = chain.log_p[:, :, None] + chain.log_p  # (before, first, second)
    pair_hits = [int(both[a].argmax()) == 26 * b + c for a, b, c in zip(text[:-1:2], text[1::2], text[2::2])]

    def figures(nats, hits):
        per_token = -np.mean(nats)
        return {"A": math.exp(per_token), "B": per_token, "C": -sum(nats) / math.log(2) / 26, "D": np.mean(hits)}

    by_letters, by_pairs = figures(letters, hits), figures(in_pairs, pair_hits)
    same = [letter for letter in "ABCD" if by_letters[letter] == pytest.approx(by_pairs[letter])]
    assert same == [as_written("comparable_models", reference.comparable_models)]


def test_the_answer_to_the_poll_on_the_size_of_lora_is_counted(reference, as_written):
    layer = reference.LoRALinear(nn.Linear(576, 576, bias=False), 8, 16)
    trained = sum(p.numel() for p in layer.parameters() if p.requires_grad)
    assert {"A": 9216, "B": 331_776, "C": 4608, "D": 64}[as_written("lora_size", reference.lora_size)] == trained


def test_the_answer_to_the_poll_on_the_gap_leaves_room_for_another_template(reference, as_written):
    """The same model, the same words: a gap in one template says nothing sure of another, so neither A, B nor C."""
    model = Bigrams(9)
    gaps = [reference.bias_gap(model, [first, None], [([1], [2])]) for first in range(9)]
    assert min(gaps) < 0 < max(gaps)
    assert as_written("what_the_gap_says", reference.what_the_gap_says) == "D"

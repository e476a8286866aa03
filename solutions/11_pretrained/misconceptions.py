"""Wrong answers that students give in unit 11_pretrained, each with the hint that it earns."""

import numpy as np
import torch
from torch import nn

from lecture_lib.checking.bank import misconception, wrong_choice
from lecture_lib.mywork import saved_work

my = saved_work("11_pretrained")


# --- polls

shared_keys_save_scores = wrong_choice(
    "grouped_cache",
    "A",
    "You let the scores shrink. Look at the first sizes in your result of Q K^T: does a query head give up its row of "
    "scores because its neighbour reads the same keys?",
    name="fewer_scores",
)
shared_keys_save_queries = wrong_choice(
    "grouped_cache",
    "C",
    "Two of the four matrices of attention do shrink. Are the two you named on the side of those who ask, or of those "
    "who are asked?",
    name="smaller_query_matrices",
)
shared_keys_save_feed_forward = wrong_choice(
    "grouped_cache",
    "D",
    "The feed-forward comes after attention. Which of its three matrices knows how many heads there were?",
    name="cheaper_feed_forward",
)
compared_by_token = wrong_choice(
    "comparable_models",
    "A",
    "You divide by tokens. One model cuts the paragraph into 100 pieces, another into 150: which one gets the easier "
    "questions, and does it know more for that?",
    name="perplexity_of_other_tokens",
)
compared_by_loss = wrong_choice(
    "comparable_models",
    "B",
    "That's the logarithm of perplexity, and has its trouble: a mean over what? Is that the same number of pieces for "
    "both models?",
    name="nats_of_other_tokens",
)
compared_by_hits = wrong_choice(
    "comparable_models",
    "D",
    "You count hits. Guessing the next letter and guessing the next word are not one game: what would a hit be for "
    "either model?",
    name="hits_on_other_tokens",
)
lora_is_the_whole_matrix = wrong_choice(
    "lora_size",
    "B",
    "You have counted all of W. What happened to its `requires_grad` in your __init__, and which two parameters stand "
    "beside it?",
    name="whole_matrix",
)
lora_is_one_matrix = wrong_choice(
    "lora_size",
    "C",
    "You have counted one thin matrix. How many does it take to come from 576 numbers to 8 and back again?",
    name="one_thin_matrix",
)
lora_is_a_square = wrong_choice(
    "lora_size",
    "D",
    "You have counted rank times rank. Print the shapes of lora_A and lora_B for such a layer: where are the 576?",
    name="rank_by_rank",
)
gap_as_a_verdict = wrong_choice(
    "what_the_gap_says",
    "A",
    "You go from a few sentences to all that the model will ever do. Exchange the template for another one and measure "
    "again: does the gap stay as it is?",
    name="unjust_in_every_task",
)
gap_as_a_census = wrong_choice(
    "what_the_gap_says",
    "B",
    "You read the model as a census. What has it counted: people at work, or sentences that somebody wrote about them?",
    name="share_of_people",
)
gap_as_an_intention = wrong_choice(
    "what_the_gap_says",
    "C",
    "You look for somebody's intention. The model has learned the next token of billions of pages: who decided what "
    "each of them says?",
    name="somebody_wanted_it",
)


# --- rms_norm


@misconception(
    "rms_norm",
    "With a gain of ones, the mean of each vector of yours is 0: you have built the LayerNorm of unit 08. Which of "
    "its steps does the new formula leave out?",
)
def still_layer_norm(x, gain, eps):
    x = x - x.mean(dim=-1, keepdim=True)
    return gain * x / torch.sqrt((x**2).mean(dim=-1, keepdim=True) + eps)


@misconception(
    "rms_norm",
    "All is right while eps is tiny. Make it large, and you see that yours is added to the root: what is it added to "
    "in the formula?",
)
def eps_outside_the_root(x, gain, eps):
    return gain * x / ((x**2).mean(dim=-1, keepdim=True).sqrt() + eps)


@misconception(
    "rms_norm",
    "A row of zeros gives NaN, and a large eps changes nothing. What is 0/0, and which argument have you not used?",
)
def without_eps(x, gain, eps):
    return gain * x / torch.sqrt((x**2).mean(dim=-1, keepdim=True))


@misconception(
    "rms_norm",
    "With a gain of ones your vectors all have the length 1, however many numbers they hold. S is for square, R for "
    "root: what is the letter between them for?",
)
def sum_of_the_squares(x, gain, eps):
    return gain * x / torch.sqrt((x**2).sum(dim=-1, keepdim=True) + eps)


@misconception(
    "rms_norm",
    "Twice the input gives half the output. What do you divide by: the mean of the squares, or what brings it back "
    "to the size of x?",
)
def without_the_root(x, gain, eps):
    return gain * x / ((x**2).mean(dim=-1, keepdim=True) + eps)


@misconception(
    "rms_norm",
    "Make one word's vector ten times as large, and all other words of yours change. Over which axis does the mean "
    "run?",
)
def one_size_for_all_tokens(x, gain, eps):
    return gain * x / torch.sqrt((x**2).mean() + eps)


@misconception(
    "rms_norm",
    "With a gain of ones you are right. Which of your arguments has no effect on what you return?",
)
def without_the_gain(x, gain, eps):
    return x / torch.sqrt((x**2).mean(dim=-1, keepdim=True) + eps)


# --- grouped_query_attention


@misconception(
    "grouped_query_attention",
    "With a single key head, or one for each query head, you are right. In between, your query heads take turns: the "
    "first two read different keys. Which query heads sit in one group?",
)
def heads_take_turns(Q, K, V):
    group = Q.shape[1] // K.shape[1]
    K, V = K.repeat(1, group, 1, 1), V.repeat(1, group, 1, 1)
    future = torch.ones(Q.shape[2], Q.shape[2], dtype=torch.bool).triu(1)
    S = (Q @ K.mT / Q.shape[-1] ** 0.5).masked_fill(future, -torch.inf)
    return torch.softmax(S, dim=-1) @ V


@misconception(
    "grouped_query_attention",
    "Change the last token and your first one changes with it. What did the mask of unit 05 do to the scores of "
    "later tokens?",
)
def sees_the_future(Q, K, V):
    group = Q.shape[1] // K.shape[1]
    K, V = K.repeat_interleave(group, dim=1), V.repeat_interleave(group, dim=1)
    return torch.softmax(Q @ K.mT / Q.shape[-1] ** 0.5, dim=-1) @ V


@misconception(
    "grouped_query_attention",
    "Your last token sees itself alone, and the first one sees all: row i is the query. On which side of the "
    "diagonal is the future?",
)
def sees_only_the_future(Q, K, V):
    group = Q.shape[1] // K.shape[1]
    K, V = K.repeat_interleave(group, dim=1), V.repeat_interleave(group, dim=1)
    past = torch.ones(Q.shape[2], Q.shape[2], dtype=torch.bool).tril(-1)
    S = (Q @ K.mT / Q.shape[-1] ** 0.5).masked_fill(past, -torch.inf)
    return torch.softmax(S, dim=-1) @ V


@misconception(
    "grouped_query_attention",
    "Your weights are too sharp, the more so the wider the heads. What does unit 05 divide the products by?",
)
def without_scaling(Q, K, V):
    group = Q.shape[1] // K.shape[1]
    K, V = K.repeat_interleave(group, dim=1), V.repeat_interleave(group, dim=1)
    future = torch.ones(Q.shape[2], Q.shape[2], dtype=torch.bool).triu(1)
    return torch.softmax((Q @ K.mT).masked_fill(future, -torch.inf), dim=-1) @ V


@misconception(
    "grouped_query_attention",
    "All your query heads read from the same keys and values; those of the other key heads change nothing. How many "
    "groups are there?",
)
def one_key_head_for_all(Q, K, V):
    future = torch.ones(Q.shape[2], Q.shape[2], dtype=torch.bool).triu(1)
    S = (Q @ K[:, :1].mT / Q.shape[-1] ** 0.5).masked_fill(future, -torch.inf)
    return torch.softmax(S, dim=-1) @ V[:, :1]


@misconception(
    "grouped_query_attention",
    "You return one head for each key head, the mean of its group. Sharing keys is what saves memory: do the query "
    "heads of a group ask the same question, too?",
)
def averages_the_queries(Q, K, V):
    B, n_heads, T, d_k = Q.shape
    Q = Q.reshape(B, K.shape[1], n_heads // K.shape[1], T, d_k).mean(2)
    future = torch.ones(T, T, dtype=torch.bool).triu(1)
    return torch.softmax((Q @ K.mT / d_k**0.5).masked_fill(future, -torch.inf), dim=-1) @ V


# --- swiglu


@misconception(
    "swiglu",
    "The two paths are swapped: yours applies SiLU to what W_up makes. Which of the two carries the SiLU, as its name "
    "says?",
)
def gate_and_up_exchanged(x, W_gate, W_up, W_down):
    return (x @ W_gate.T * torch.nn.functional.silu(x @ W_up.T)) @ W_down.T


@misconception(
    "swiglu",
    "Your gate only ever lets between nothing and all of a number through. SiLU(z) is a product of two factors: "
    "which one is missing?",
)
def sigmoid_gate(x, W_gate, W_up, W_down):
    return (torch.sigmoid(x @ W_gate.T) * (x @ W_up.T)) @ W_down.T


@misconception(
    "swiglu",
    "Where the gate's numbers are negative, nothing of yours comes through at all. The bend of unit 08 had a corner "
    "at 0: has this one?",
)
def relu_gate(x, W_gate, W_up, W_down):
    return (torch.relu(x @ W_gate.T) * (x @ W_up.T)) @ W_down.T


@misconception(
    "swiglu",
    "Double W_up and your output doesn't double. A gate decides how much of something passes: which operation of two "
    "numbers does that?",
)
def adds_the_paths(x, W_gate, W_up, W_down):
    return (torch.nn.functional.silu(x @ W_gate.T) + x @ W_up.T) @ W_down.T


@misconception(
    "swiglu",
    "Turn x into -x, and your output stays the same to the last digit. Two products are there: what happens to one "
    "of them before they meet?",
)
def without_the_bend(x, W_gate, W_up, W_down):
    return (x @ W_gate.T * (x @ W_up.T)) @ W_down.T


@misconception(
    "swiglu",
    "You apply SiLU after the two paths have been multiplied. Flip the sign of W_up: the right answer flips with it, "
    "and "
    "yours? What does SiLU act on in the formula?",
)
def bends_the_product(x, W_gate, W_up, W_down):
    return torch.nn.functional.silu(x @ W_gate.T * (x @ W_up.T)) @ W_down.T


@misconception(
    "swiglu",
    "With d_ff = d_model it runs, and the numbers are wrong; with other sizes the shapes don't meet. nn.Linear "
    "stores its weight as (out, in): what does it do with x?",
)
def weights_as_they_stand(x, W_gate, W_up, W_down):
    return (torch.nn.functional.silu(x @ W_gate) * (x @ W_up)) @ W_down


# --- load_weights


@misconception(
    "load_weights",
    "A file without one of the matrices goes in without a word, and that matrix keeps its random start. Which names "
    "have you compared, in which direction?",
)
def leaves_what_is_missing(model, tensors):
    names = {"token_embd": "tokens", "blk": "blocks", "output_norm": "norm", "output": "head"}
    names |= {"attn_norm": "norm_1", "attn_q": "W_q", "attn_k": "W_k", "attn_v": "W_v", "attn_output": "W_o"}
    names |= {"ffn_norm": "norm_2", "ffn_gate": "W_gate", "ffn_up": "W_up", "ffn_down": "W_down"}
    theirs = {".".join(names.get(part, part) for part in name.split(".")): name for name in tensors}
    parameters = dict(model.named_parameters())
    if surplus := theirs.keys() - parameters.keys():
        raise ValueError(f"no place for {theirs[min(surplus)]}")
    for ours, file_name in theirs.items():
        if parameters[ours].shape != tensors[file_name].shape:
            raise ValueError(
                f"{ours} is {tuple(parameters[ours].shape)}, {file_name} {tuple(tensors[file_name].shape)}"
            )
    with torch.no_grad():
        for ours, file_name in theirs.items():
            parameters[ours].copy_(torch.as_tensor(tensors[file_name]))


@misconception(
    "load_weights",
    "A file with a matrix too many goes in without a word. Perhaps it belongs to another model: which tensors has "
    "your loop never looked at?",
)
def drops_what_is_left_over(model, tensors):
    names = {"token_embd": "tokens", "blk": "blocks", "output_norm": "norm", "output": "head"}
    names |= {"attn_norm": "norm_1", "attn_q": "W_q", "attn_k": "W_k", "attn_v": "W_v", "attn_output": "W_o"}
    names |= {"ffn_norm": "norm_2", "ffn_gate": "W_gate", "ffn_up": "W_up", "ffn_down": "W_down"}
    theirs = {".".join(names.get(part, part) for part in name.split(".")): name for name in tensors}
    parameters = dict(model.named_parameters())
    if missing := parameters.keys() - theirs.keys():
        raise ValueError(f"nothing fills {min(missing)}")
    for ours, p in parameters.items():
        if p.shape != tensors[theirs[ours]].shape:
            raise ValueError(f"{ours} is {tuple(p.shape)}, the file has {tuple(tensors[theirs[ours]].shape)}")
    with torch.no_grad():
        for ours, p in parameters.items():
            p.copy_(torch.as_tensor(tensors[theirs[ours]]))


@misconception(
    "load_weights",
    "One number where a row of them belongs, and your model takes it: `copy_` stretches it over the whole parameter. "
    "What can you compare before you copy?",
)
def shapes_unchecked(model, tensors):
    names = {"token_embd": "tokens", "blk": "blocks", "output_norm": "norm", "output": "head"}
    names |= {"attn_norm": "norm_1", "attn_q": "W_q", "attn_k": "W_k", "attn_v": "W_v", "attn_output": "W_o"}
    names |= {"ffn_norm": "norm_2", "ffn_gate": "W_gate", "ffn_up": "W_up", "ffn_down": "W_down"}
    theirs = {".".join(names.get(part, part) for part in name.split(".")): name for name in tensors}
    parameters = dict(model.named_parameters())
    if missing := parameters.keys() - theirs.keys():
        raise ValueError(f"nothing fills {min(missing)}")
    if surplus := theirs.keys() - parameters.keys():
        raise ValueError(f"no place for {theirs[min(surplus)]}")
    with torch.no_grad():
        for ours, p in parameters.items():
            p.copy_(torch.as_tensor(tensors[theirs[ours]]))


@misconception(
    "load_weights",
    "A model whose head is its embedding is refused: you find a head.weight that no tensor fills. `state_dict()` "
    "lists every name, also two for one matrix: which list has each parameter once?",
)
def counts_the_head_twice(model, tensors):
    names = {"token_embd": "tokens", "blk": "blocks", "output_norm": "norm", "output": "head"}
    names |= {"attn_norm": "norm_1", "attn_q": "W_q", "attn_k": "W_k", "attn_v": "W_v", "attn_output": "W_o"}
    names |= {"ffn_norm": "norm_2", "ffn_gate": "W_gate", "ffn_up": "W_up", "ffn_down": "W_down"}
    theirs = {".".join(names.get(part, part) for part in name.split(".")): name for name in tensors}
    parameters = model.state_dict()
    if missing := parameters.keys() - theirs.keys():
        raise ValueError(f"nothing fills {min(missing)}")
    if surplus := theirs.keys() - parameters.keys():
        raise ValueError(f"no place for {theirs[min(surplus)]}")
    for ours, p in parameters.items():
        if p.shape != tensors[theirs[ours]].shape:
            raise ValueError(f"{ours} is {tuple(p.shape)}, the file has {tuple(tensors[theirs[ours]].shape)}")
    with torch.no_grad():
        for ours, p in parameters.items():
            p.copy_(torch.as_tensor(tensors[theirs[ours]]))


@misconception(
    "load_weights",
    "The numbers are right, but they're in new Parameters: who held the old ones, an optimiser or the tied head, "
    "still has the old numbers. What changes a tensor in place?",
)
def new_parameters(model, tensors):
    names = {"token_embd": "tokens", "blk": "blocks", "output_norm": "norm", "output": "head"}
    names |= {"attn_norm": "norm_1", "attn_q": "W_q", "attn_k": "W_k", "attn_v": "W_v", "attn_output": "W_o"}
    names |= {"ffn_norm": "norm_2", "ffn_gate": "W_gate", "ffn_up": "W_up", "ffn_down": "W_down"}
    theirs = {".".join(names.get(part, part) for part in name.split(".")): name for name in tensors}
    parameters = dict(model.named_parameters())
    if missing := parameters.keys() - theirs.keys():
        raise ValueError(f"nothing fills {min(missing)}")
    if surplus := theirs.keys() - parameters.keys():
        raise ValueError(f"no place for {theirs[min(surplus)]}")
    for ours, p in parameters.items():
        if p.shape != tensors[theirs[ours]].shape:
            raise ValueError(f"{ours} is {tuple(p.shape)}, the file has {tuple(tensors[theirs[ours]].shape)}")
    for ours, p in parameters.items():
        part, _, name = ours.rpartition(".")
        setattr(model.get_submodule(part), name, nn.Parameter(torch.as_tensor(tensors[theirs[ours]]).to(p.dtype)))


@misconception(
    "load_weights",
    "Your error comes when a part of the model is already overwritten, and it's neither the old model nor the new "
    "one. What could be asked of all tensors before the first is copied?",
)
def copies_as_it_goes(model, tensors):
    names = {"token_embd": "tokens", "blk": "blocks", "output_norm": "norm", "output": "head"}
    names |= {"attn_norm": "norm_1", "attn_q": "W_q", "attn_k": "W_k", "attn_v": "W_v", "attn_output": "W_o"}
    names |= {"ffn_norm": "norm_2", "ffn_gate": "W_gate", "ffn_up": "W_up", "ffn_down": "W_down"}
    theirs = {".".join(names.get(part, part) for part in name.split(".")): name for name in tensors}
    parameters = dict(model.named_parameters())
    if missing := parameters.keys() - theirs.keys():
        raise ValueError(f"nothing fills {min(missing)}")
    if surplus := theirs.keys() - parameters.keys():
        raise ValueError(f"no place for {theirs[min(surplus)]}")
    with torch.no_grad():
        for ours, p in parameters.items():
            if p.shape != tensors[theirs[ours]].shape:
                raise ValueError(f"{ours} is {tuple(p.shape)}, the file has {tuple(tensors[theirs[ours]].shape)}")
            p.copy_(torch.as_tensor(tensors[theirs[ours]]))


@misconception(
    "load_weights",
    "Your parameters are the file's arrays themselves, in the file's precision, and not what the model was made "
    "with. What does `p.data = ...` do, compared with copying?",
)
def takes_the_files_own_arrays(model, tensors):
    names = {"token_embd": "tokens", "blk": "blocks", "output_norm": "norm", "output": "head"}
    names |= {"attn_norm": "norm_1", "attn_q": "W_q", "attn_k": "W_k", "attn_v": "W_v", "attn_output": "W_o"}
    names |= {"ffn_norm": "norm_2", "ffn_gate": "W_gate", "ffn_up": "W_up", "ffn_down": "W_down"}
    theirs = {".".join(names.get(part, part) for part in name.split(".")): name for name in tensors}
    parameters = dict(model.named_parameters())
    if missing := parameters.keys() - theirs.keys():
        raise ValueError(f"nothing fills {min(missing)}")
    if surplus := theirs.keys() - parameters.keys():
        raise ValueError(f"no place for {theirs[min(surplus)]}")
    for ours, p in parameters.items():
        if p.shape != tensors[theirs[ours]].shape:
            raise ValueError(f"{ours} is {tuple(p.shape)}, the file has {tuple(tensors[theirs[ours]].shape)}")
    for ours, p in parameters.items():
        p.data = torch.as_tensor(tensors[theirs[ours]])


@misconception(
    "load_weights",
    "torch refuses: a leaf that requires grad is being changed in place. This is no step of training: under what do "
    "you tell it so?",
)
def autograd_looks_on(model, tensors):
    names = {"token_embd": "tokens", "blk": "blocks", "output_norm": "norm", "output": "head"}
    names |= {"attn_norm": "norm_1", "attn_q": "W_q", "attn_k": "W_k", "attn_v": "W_v", "attn_output": "W_o"}
    names |= {"ffn_norm": "norm_2", "ffn_gate": "W_gate", "ffn_up": "W_up", "ffn_down": "W_down"}
    theirs = {".".join(names.get(part, part) for part in name.split(".")): name for name in tensors}
    parameters = dict(model.named_parameters())
    if missing := parameters.keys() - theirs.keys():
        raise ValueError(f"nothing fills {min(missing)}")
    if surplus := theirs.keys() - parameters.keys():
        raise ValueError(f"no place for {theirs[min(surplus)]}")
    for ours, p in parameters.items():
        if p.shape != tensors[theirs[ours]].shape:
            raise ValueError(f"{ours} is {tuple(p.shape)}, the file has {tuple(tensors[theirs[ours]].shape)}")
    for ours, p in parameters.items():
        p.copy_(torch.as_tensor(tensors[theirs[ours]]))


# --- score_label


@misconception(
    "score_label",
    "You divide by the number of tokens: a long label of yours is as likely as one of its tokens. To say both "
    "tokens, the model has to say the first and then the second: what becomes of two probabilities?",
)
def mean_of_the_tokens(model, prompt, labels):
    scores = {}
    for name, label in labels.items():
        ids = torch.tensor([[*prompt, *label]])
        with torch.no_grad():
            log_p = torch.log_softmax(model(ids)[0], dim=-1)
        rows = range(len(prompt) - 1, ids.shape[1] - 1)
        scores[name] = sum(float(log_p[t, ids[0, t + 1]]) for t in rows) / len(label)
    return max(scores, key=scores.get), scores


@misconception(
    "score_label",
    "You ask each position how likely the token is that is already there. The logits at place t are about which place?",
)
def one_place_too_late(model, prompt, labels):
    scores = {}
    for name, label in labels.items():
        ids = torch.tensor([[*prompt, *label]])
        with torch.no_grad():
            log_p = torch.log_softmax(model(ids)[0], dim=-1)
        scores[name] = sum(float(log_p[t, ids[0, t]]) for t in range(len(prompt), ids.shape[1]))
    return max(scores, key=scores.get), scores


@misconception(
    "score_label",
    "Your best label is right, and all your scores are too low by the same number. It's the prompt that you have "
    "scored, too: at which place does the label begin?",
)
def prompt_scored_too(model, prompt, labels):
    scores = {}
    for name, label in labels.items():
        ids = torch.tensor([[*prompt, *label]])
        with torch.no_grad():
            log_p = torch.log_softmax(model(ids)[0], dim=-1)
        scores[name] = sum(float(log_p[t, ids[0, t + 1]]) for t in range(ids.shape[1] - 1))
    return max(scores, key=scores.get), scores


@misconception(
    "score_label",
    "Labels of one token are right. Of the longer ones you have scored the beginning, so that two labels that begin "
    "alike get the same score. What comes after the first token?",
)
def first_token_only(model, prompt, labels):
    with torch.no_grad():
        log_p = torch.log_softmax(model(torch.tensor([list(prompt)]))[0, -1], dim=-1)
    scores = {name: float(log_p[label[0]]) for name, label in labels.items()}
    return max(scores, key=scores.get), scores


@misconception(
    "score_label",
    "Labels of one token are right. Of a longer one you score every token as if it came right after the prompt. What "
    "has the model read by the time it's asked for the second?",
)
def all_right_after_the_prompt(model, prompt, labels):
    with torch.no_grad():
        log_p = torch.log_softmax(model(torch.tensor([list(prompt)]))[0, -1], dim=-1)
    scores = {name: sum(float(log_p[i]) for i in label) for name, label in labels.items()}
    return max(scores, key=scores.get), scores


@misconception(
    "score_label",
    "Score every single token of the vocabulary: the exponentials of yours don't sum to 1. What has to be done to "
    "logits before they are logarithms of probabilities?",
)
def raw_logits(model, prompt, labels):
    scores = {}
    for name, label in labels.items():
        ids = torch.tensor([[*prompt, *label]])
        with torch.no_grad():
            logits = model(ids)[0]
        scores[name] = sum(float(logits[t, ids[0, t + 1]]) for t in range(len(prompt) - 1, ids.shape[1] - 1))
    return max(scores, key=scores.get), scores


@misconception(
    "score_label",
    "Your scores are those of a loss: right in size, without their minus, so that your best label is the worst. Is "
    "the logarithm of a probability above 0 or below?",
)
def losses_as_scores(model, prompt, labels):
    scores = {}
    for name, label in labels.items():
        ids = torch.tensor([[*prompt, *label]])
        with torch.no_grad():
            logits = model(ids)[0, len(prompt) - 1 : -1]
        scores[name] = float(nn.functional.cross_entropy(logits, ids[0, len(prompt) :], reduction="sum"))
    return max(scores, key=scores.get), scores


# --- few_shot_prompt


@misconception(
    "few_shot_prompt",
    "Your prompt ends with a space. The tokens of ` positive` bring their own: what would the model have to say "
    "after one that's already there?",
)
def space_at_the_end(examples, query):
    shown = "".join(f"Review: {text}\nSentiment: {label}\n\n" for text, label in examples)
    return f"{shown}Review: {query}\nSentiment: "


@misconception(
    "few_shot_prompt",
    "Your prompt ends with the review. What would the model continue with: a label, or more of the review? Look at "
    "what "
    "stands before the label in each example.",
)
def ends_with_the_review(examples, query):
    shown = "".join(f"Review: {text}\nSentiment: {label}\n\n" for text, label in examples)
    return f"{shown}Review: {query}\n"


@misconception(
    "few_shot_prompt",
    "Your examples are on consecutive lines. Print the prompt beside the template: what lies between a "
    "label and the next review there?",
)
def no_blank_line(examples, query):
    shown = "".join(f"Review: {text}\nSentiment: {label}\n" for text, label in examples)
    return f"{shown}Review: {query}\nSentiment:"


@misconception(
    "few_shot_prompt",
    "With examples you are right; without any, your prompt begins with a blank line. Between what and what should "
    "that line stand?",
)
def blank_line_at_the_start(examples, query):
    shown = "\n\n".join(f"Review: {text}\nSentiment: {label}" for text, label in examples)
    return f"{shown}\n\nReview: {query}\nSentiment:"


@misconception(
    "few_shot_prompt",
    "The review that is asked about stands first in yours, and the last line is that of an example, answered. Where "
    "does the model go on writing?",
)
def query_first(examples, query):
    shown = "".join(f"\n\nReview: {text}\nSentiment: {label}" for text, label in examples)
    return f"Review: {query}\nSentiment:{shown}"


@misconception(
    "few_shot_prompt",
    "Your examples show reviews and no answers. What do they teach, then, that the model didn't know without them?",
)
def examples_without_labels(examples, query):
    shown = "".join(f"Review: {text}\nSentiment:\n\n" for text, _ in examples)
    return f"{shown}Review: {query}\nSentiment:"


# --- LoRALinear


@misconception(
    "LoRALinear",
    "With alpha equal to the rank you are right; else what you add points the right way and has the wrong size. Two "
    "of the arguments say how much it counts: where are they in your `forward`?",
)
class WithoutScale(nn.Module):
    def __init__(self, linear, rank, alpha):
        super().__init__()
        weight = linear.weight
        self.linear, self.scale = linear.requires_grad_(False), 1.0
        self.lora_A = nn.Parameter(torch.randn(rank, weight.shape[1], dtype=weight.dtype) / rank)
        self.lora_B = nn.Parameter(torch.zeros(weight.shape[0], rank, dtype=weight.dtype))

    def forward(self, x):
        return self.linear(x) + self.scale * x @ self.lora_A.T @ self.lora_B.T

    def merge(self):
        out, into = self.linear.weight.shape
        merged = nn.Linear(into, out, bias=self.linear.bias is not None, dtype=self.linear.weight.dtype)
        merged.load_state_dict(self.linear.state_dict())
        merged.weight.data += self.scale * self.lora_B.data @ self.lora_A.data
        return merged


@misconception(
    "LoRALinear",
    "What you add grows with the rank: try rank 2 and rank 8 with entries of one size. Which argument should keep "
    "that in check, and from which side of the fraction?",
)
class AlphaAlone(nn.Module):
    def __init__(self, linear, rank, alpha):
        super().__init__()
        weight = linear.weight
        self.linear, self.scale = linear.requires_grad_(False), alpha
        self.lora_A = nn.Parameter(torch.randn(rank, weight.shape[1], dtype=weight.dtype) / rank)
        self.lora_B = nn.Parameter(torch.zeros(weight.shape[0], rank, dtype=weight.dtype))

    def forward(self, x):
        return self.linear(x) + self.scale * x @ self.lora_A.T @ self.lora_B.T

    def merge(self):
        out, into = self.linear.weight.shape
        merged = nn.Linear(into, out, bias=self.linear.bias is not None, dtype=self.linear.weight.dtype)
        merged.load_state_dict(self.linear.state_dict())
        merged.weight.data += self.scale * self.lora_B.data @ self.lora_A.data
        return merged


@misconception(
    "LoRALinear",
    "With rank 1 you are right; with more, what you add is too large by the rank squared. Which of the two numbers "
    "stands below the line?",
)
class TimesTheRank(nn.Module):
    def __init__(self, linear, rank, alpha):
        super().__init__()
        weight = linear.weight
        self.linear, self.scale = linear.requires_grad_(False), alpha * rank
        self.lora_A = nn.Parameter(torch.randn(rank, weight.shape[1], dtype=weight.dtype) / rank)
        self.lora_B = nn.Parameter(torch.zeros(weight.shape[0], rank, dtype=weight.dtype))

    def forward(self, x):
        return self.linear(x) + self.scale * x @ self.lora_A.T @ self.lora_B.T

    def merge(self):
        out, into = self.linear.weight.shape
        merged = nn.Linear(into, out, bias=self.linear.bias is not None, dtype=self.linear.weight.dtype)
        merged.load_state_dict(self.linear.state_dict())
        merged.weight.data += self.scale * self.lora_B.data @ self.lora_A.data
        return merged


@misconception(
    "LoRALinear",
    "Fresh from __init__ your layer answers differently from the one it was given, and a model tuned for months is "
    "lost before the first step. What must the product of the two matrices be at the start?",
)
class StartsElsewhere(nn.Module):
    def __init__(self, linear, rank, alpha):
        super().__init__()
        weight = linear.weight
        self.linear, self.scale = linear.requires_grad_(False), alpha / rank
        self.lora_A = nn.Parameter(torch.randn(rank, weight.shape[1], dtype=weight.dtype) / rank)
        self.lora_B = nn.Parameter(torch.randn(weight.shape[0], rank, dtype=weight.dtype) / rank)

    def forward(self, x):
        return self.linear(x) + self.scale * x @ self.lora_A.T @ self.lora_B.T

    def merge(self):
        out, into = self.linear.weight.shape
        merged = nn.Linear(into, out, bias=self.linear.bias is not None, dtype=self.linear.weight.dtype)
        merged.load_state_dict(self.linear.state_dict())
        merged.weight.data += self.scale * self.lora_B.data @ self.lora_A.data
        return merged


@misconception(
    "LoRALinear",
    "Both of your matrices start as zeros. The gradient of each holds the other as a factor: what's the first step, "
    "then?",
)
class NothingCanGrow(nn.Module):
    def __init__(self, linear, rank, alpha):
        super().__init__()
        weight = linear.weight
        self.linear, self.scale = linear.requires_grad_(False), alpha / rank
        self.lora_A = nn.Parameter(torch.zeros(rank, weight.shape[1], dtype=weight.dtype))
        self.lora_B = nn.Parameter(torch.zeros(weight.shape[0], rank, dtype=weight.dtype))

    def forward(self, x):
        return self.linear(x) + self.scale * x @ self.lora_A.T @ self.lora_B.T

    def merge(self):
        out, into = self.linear.weight.shape
        merged = nn.Linear(into, out, bias=self.linear.bias is not None, dtype=self.linear.weight.dtype)
        merged.load_state_dict(self.linear.state_dict())
        merged.weight.data += self.scale * self.lora_B.data @ self.lora_A.data
        return merged


@misconception(
    "LoRALinear",
    "The large matrix still asks for gradients, so nothing is saved: Adam keeps its two means for each of its "
    "numbers. What tells a parameter to stay as it is?",
)
class BaseStillTrains(nn.Module):
    def __init__(self, linear, rank, alpha):
        super().__init__()
        weight = linear.weight
        self.linear, self.scale = linear, alpha / rank
        self.lora_A = nn.Parameter(torch.randn(rank, weight.shape[1], dtype=weight.dtype) / rank)
        self.lora_B = nn.Parameter(torch.zeros(weight.shape[0], rank, dtype=weight.dtype))

    def forward(self, x):
        return self.linear(x) + self.scale * x @ self.lora_A.T @ self.lora_B.T

    def merge(self):
        out, into = self.linear.weight.shape
        merged = nn.Linear(into, out, bias=self.linear.bias is not None, dtype=self.linear.weight.dtype)
        merged.load_state_dict(self.linear.state_dict())
        merged.weight.data += self.scale * self.lora_B.data @ self.lora_A.data
        return merged


@misconception(
    "LoRALinear",
    "After `merge` the layer itself adds its part twice: once in the big matrix, once beside it. Which matrix have "
    "you written to?",
)
class MergesInPlace(nn.Module):
    def __init__(self, linear, rank, alpha):
        super().__init__()
        weight = linear.weight
        self.linear, self.scale = linear.requires_grad_(False), alpha / rank
        self.lora_A = nn.Parameter(torch.randn(rank, weight.shape[1], dtype=weight.dtype) / rank)
        self.lora_B = nn.Parameter(torch.zeros(weight.shape[0], rank, dtype=weight.dtype))

    def forward(self, x):
        return self.linear(x) + self.scale * x @ self.lora_A.T @ self.lora_B.T

    def merge(self):
        with torch.no_grad():
            self.linear.weight += self.scale * self.lora_B @ self.lora_A
        return self.linear


@misconception(
    "LoRALinear",
    "Your merged layer is right where the base has no bias. Where it has one, by what vector is every output off?",
)
class MergeLosesTheBias(nn.Module):
    def __init__(self, linear, rank, alpha):
        super().__init__()
        weight = linear.weight
        self.linear, self.scale = linear.requires_grad_(False), alpha / rank
        self.lora_A = nn.Parameter(torch.randn(rank, weight.shape[1], dtype=weight.dtype) / rank)
        self.lora_B = nn.Parameter(torch.zeros(weight.shape[0], rank, dtype=weight.dtype))

    def forward(self, x):
        return self.linear(x) + self.scale * x @ self.lora_A.T @ self.lora_B.T

    def merge(self):
        out, into = self.linear.weight.shape
        merged = nn.Linear(into, out, bias=False, dtype=self.linear.weight.dtype)
        merged.weight.data = (self.linear.weight + self.scale * self.lora_B @ self.lora_A).detach()
        return merged


@misconception(
    "LoRALinear",
    "`forward` is right, and `merge` gives a layer that answers something else. Compare the two lines in which B and "
    "A are multiplied: what does one have that the other lacks?",
)
class MergeForgetsTheScale(nn.Module):
    def __init__(self, linear, rank, alpha):
        super().__init__()
        weight = linear.weight
        self.linear, self.scale = linear.requires_grad_(False), alpha / rank
        self.lora_A = nn.Parameter(torch.randn(rank, weight.shape[1], dtype=weight.dtype) / rank)
        self.lora_B = nn.Parameter(torch.zeros(weight.shape[0], rank, dtype=weight.dtype))

    def forward(self, x):
        return self.linear(x) + self.scale * x @ self.lora_A.T @ self.lora_B.T

    def merge(self):
        out, into = self.linear.weight.shape
        merged = nn.Linear(into, out, bias=self.linear.bias is not None, dtype=self.linear.weight.dtype)
        merged.load_state_dict(self.linear.state_dict())
        merged.weight.data += self.lora_B.data @ self.lora_A.data
        return merged


# --- finetune


@misconception(
    "finetune",
    "The whole model has moved: its embeddings are no longer those it came with. Which of its parameters did you "
    "want to keep as they are?",
)
def trains_everything(model, head, batches, lr):
    model.requires_grad_(True)
    head.requires_grad_(True)
    optimizer = torch.optim.Adam([*model.parameters(), *head.parameters()], lr=lr)
    losses = []
    for ids, labels in batches:
        loss = nn.functional.cross_entropy(head(model(ids)[:, -1]), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@misconception(
    "finetune",
    "Your head is where it was at the start: nobody has trained it. Which parameters has the optimiser been given, "
    "and whose are they?",
)
def head_left_out(model, head, batches, lr):
    for name, p in model.named_parameters():
        p.requires_grad_("lora_" in name)
    head.requires_grad_(True)
    optimizer = torch.optim.Adam([{"params": [p for p in model.parameters() if p.requires_grad]}], lr=lr)
    losses = []
    for ids, labels in batches:
        loss = nn.functional.cross_entropy(head(model(ids)[:, -1]), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@misconception(
    "finetune",
    "Only the head moves. You have frozen the whole model: what was put into it that should have stayed warm, and by "
    "what part of its name do you know it?",
)
def lora_frozen_too(model, head, batches, lr):
    model.requires_grad_(False)
    head.requires_grad_(True)
    optimizer = torch.optim.Adam(head.parameters(), lr=lr)
    losses = []
    for ids, labels in batches:
        loss = nn.functional.cross_entropy(head(model(ids)[:, -1]), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@misconception(
    "finetune",
    "Your first two losses are right, then you drift away. Look at p.grad after the second batch: whose gradients "
    "are in it?",
)
def gradients_pile_up(model, head, batches, lr):
    for name, p in model.named_parameters():
        p.requires_grad_("lora_" in name)
    head.requires_grad_(True)
    optimizer = torch.optim.Adam([p for p in [*model.parameters(), *head.parameters()] if p.requires_grad], lr=lr)
    losses = []
    for ids, labels in batches:
        loss = nn.functional.cross_entropy(head(model(ids)[:, -1]), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@misconception(
    "finetune",
    "Your first two losses are right, then you drift away. Adam remembers the gradients of earlier batches: for how "
    "long does yours live?",
)
def a_new_optimiser_each_time(model, head, batches, lr):
    for name, p in model.named_parameters():
        p.requires_grad_("lora_" in name)
    head.requires_grad_(True)
    losses = []
    for ids, labels in batches:
        optimizer = torch.optim.Adam([p for p in [*model.parameters(), *head.parameters()] if p.requires_grad], lr=lr)
        loss = nn.functional.cross_entropy(head(model(ids)[:, -1]), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@misconception(
    "finetune",
    "Your head reads the features of the first token. This model only looks back: at which position has it read the "
    "whole text?",
)
def reads_the_first_position(model, head, batches, lr):
    for name, p in model.named_parameters():
        p.requires_grad_("lora_" in name)
    head.requires_grad_(True)
    optimizer = torch.optim.Adam([p for p in [*model.parameters(), *head.parameters()] if p.requires_grad], lr=lr)
    losses = []
    for ids, labels in batches:
        loss = nn.functional.cross_entropy(head(model(ids)[:, 0]), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@misconception(
    "finetune",
    "The right parameters move, to the right places. But the others still gather gradients, which costs as much "
    "memory as they do: what else than an optimiser that leaves them alone does a frozen weight need?",
)
def frozen_in_name_only(model, head, batches, lr):
    model.requires_grad_(True)
    head.requires_grad_(True)
    lora = [p for name, p in model.named_parameters() if "lora_" in name]
    optimizer = torch.optim.Adam([*lora, *head.parameters()], lr=lr)
    losses = []
    for ids, labels in batches:
        loss = nn.functional.cross_entropy(head(model(ids)[:, -1]), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@misconception(
    "finetune",
    "Your losses are those after the step, so the first is already better than where the model began. When is the "
    "loss of a batch read in the docstring?",
)
def losses_after_the_step(model, head, batches, lr):
    for name, p in model.named_parameters():
        p.requires_grad_("lora_" in name)
    head.requires_grad_(True)
    optimizer = torch.optim.Adam([p for p in [*model.parameters(), *head.parameters()] if p.requires_grad], lr=lr)
    losses = []
    for ids, labels in batches:
        optimizer.zero_grad()
        nn.functional.cross_entropy(head(model(ids)[:, -1]), labels).backward()
        optimizer.step()
        losses.append(nn.functional.cross_entropy(head(model(ids)[:, -1]), labels).item())
    return losses


# --- bias_gap


@misconception(
    "bias_gap",
    "Your sign is the opposite one: positive where the second word is likelier. Which of the two does the docstring "
    "take away?",
)
def second_less_first(model, template, pairs):
    at, gaps = template.index(None), []
    for first, second in pairs:
        labels = {"first": [*first, *template[at + 1 :]], "second": [*second, *template[at + 1 :]]}
        _, scores = my.score_label(model, template[:at], labels)
        gaps.append(scores["second"] - scores["first"])
    return sum(gaps) / len(gaps)


@misconception(
    "bias_gap",
    "With the gap at the end you are right. You have asked how well each word follows what comes before it: what "
    "about how well the rest follows the word?",
)
def forgets_the_rest(model, template, pairs):
    at, gaps = template.index(None), []
    for first, second in pairs:
        _, scores = my.score_label(model, template[:at], {"first": first, "second": second})
        gaps.append(scores["first"] - scores["second"])
    return sum(gaps) / len(gaps)


@misconception(
    "bias_gap",
    "Your numbers are tiny, and smaller for longer sentences: differences of probabilities. What does the docstring "
    "compare, so that twice as likely is the same gap for rare words and frequent ones?",
)
def of_probabilities(model, template, pairs):
    at, gaps = template.index(None), []
    for first, second in pairs:
        labels = {"first": [*first, *template[at + 1 :]], "second": [*second, *template[at + 1 :]]}
        _, scores = my.score_label(model, template[:at], labels)
        gaps.append(np.exp(scores["first"]) - np.exp(scores["second"]))
    return sum(gaps) / len(gaps)


@misconception(
    "bias_gap",
    "With one pair you are right; with three your gap is three times too large. What makes a mean of a sum?",
)
def sum_over_the_pairs(model, template, pairs):
    at, gaps = template.index(None), []
    for first, second in pairs:
        labels = {"first": [*first, *template[at + 1 :]], "second": [*second, *template[at + 1 :]]}
        _, scores = my.score_label(model, template[:at], labels)
        gaps.append(scores["first"] - scores["second"])
    return sum(gaps)


@misconception(
    "bias_gap",
    "Your gap is never below 0. Exchange the words of each pair: what should happen to it, and what can two pairs do "
    "that lean opposite ways?",
)
def without_a_sign(model, template, pairs):
    at, gaps = template.index(None), []
    for first, second in pairs:
        labels = {"first": [*first, *template[at + 1 :]], "second": [*second, *template[at + 1 :]]}
        _, scores = my.score_label(model, template[:at], labels)
        gaps.append(abs(scores["first"] - scores["second"]))
    return sum(gaps) / len(gaps)


@misconception(
    "bias_gap",
    "You divide by the number of tokens, and a word in three pieces looks likelier than it is. Of what does the "
    "docstring take the logarithm: of a sentence, or of one token of it?",
)
def mean_of_the_tokens_again(model, template, pairs):
    at, gaps = template.index(None), []
    for first, second in pairs:
        labels = {"first": [*first, *template[at + 1 :]], "second": [*second, *template[at + 1 :]]}
        _, scores = my.score_label(model, template[:at], labels)
        gaps.append(scores["first"] / len(labels["first"]) - scores["second"] / len(labels["second"]))
    return sum(gaps) / len(gaps)


@misconception(
    "bias_gap",
    "With one pair you are right, with several your gap is that of the first. Where does your function stop?",
)
def first_pair_only(model, template, pairs):
    at = template.index(None)
    for first, second in pairs:
        labels = {"first": [*first, *template[at + 1 :]], "second": [*second, *template[at + 1 :]]}
        _, scores = my.score_label(model, template[:at], labels)
        return scores["first"] - scores["second"]

"""Wrong answers that students give in unit 15_interpretability, each with the hint that it earns."""

import torch
from torch import nn

from lecture_lib.checking.bank import misconception, wrong_choice
from lecture_lib.inference.evaluating import evaluating
from lecture_lib.mywork import saved_work

my = saved_work("15_interpretability")

OWN_OUTPUT = "each run makes outputs of its own, and no one else reads this one: it may be written to"
KEPT_AS_IT_IS = "a later run writes to outputs of its own, never to the kept ones"
EQUIVALENT_MUTANTS = {
    ("patch_grid", "line 20: output = output.clone() becomes pass"): OWN_OUTPUT,
    ("patch_grid", "line 20: output.clone() becomes output"): OWN_OUTPUT,
    ("patch_grid", "line 26: output.clone() becomes output"): KEPT_AS_IT_IS,
    ("previous_token_score", "line 9: 1 becomes 2"): "A is square: its last two sizes are the same",
    ("induction_score", "line 12: 1 becomes 2"): "A is square: its last two sizes are the same",
    ("fit_probe", "line 12: Y - y_mean becomes Y + y_mean"): "a constant is orthogonal to the centred states",
    ("steer", "line 15: output = output.clone() becomes pass"): OWN_OUTPUT,
    ("steer", "line 15: output.clone() becomes output"): OWN_OUTPUT,
    ("sae_encode", "line 12: -1 becomes 1"): "the scores have two axes",
    ("sae_encode", "line 13: -1 becomes 1"): "the scores have two axes",
    ("best_feature", "line 11: y.bool() becomes y"): "with 0 and 1, & and ~ of integers have the same last bit",
}


# --- polls

rule_by_content = wrong_choice(
    "which_rule",
    "B",
    "You took it for content. Find `la` in the first song: which note stands right behind it there?",
    name="content_from_the_wrong_note",
)
rule_by_place = wrong_choice(
    "which_rule",
    "C",
    "You took it for place. Count along the first song: which note stands second there?",
    name="place_from_the_start",
)
rule_of_none = wrong_choice(
    "which_rule",
    "D",
    "It is the first song's first note, and that is no accident. Of the notes that the second song has not sung yet, "
    "which stands first in the first song?",
    name="no_rule_at_all",
)
restores_as_computed = wrong_choice(
    "all_restored",
    "A",
    "You read where the answer *is* as where it was *made*. If an earlier block had made it, what would this cell of "
    "the grid be?",
    name="where_it_is_made",
)
restores_as_attended = wrong_choice(
    "all_restored",
    "C",
    "A patch of the stream replaces all that stands there, whichever way it came. How would the cell look if the fact "
    "had come by way of a word in between?",
    name="looked_at_directly",
)
restores_as_kept = wrong_choice(
    "all_restored",
    "D",
    "You speak of the whole run; the cell speaks of its end. Which rows of the grid tell about earlier?",
    name="kept_all_along",
)
probe_shows_use = wrong_choice(
    "what_a_probe_says",
    "A",
    "You go from reading to using. Where in fitting a probe did the model's own next word ever come in?",
    name="reading_is_using",
)
probe_finds_a_unit = wrong_choice(
    "what_a_probe_says",
    "C",
    "Look at the shape of W: how many coordinates does a score of the probe add up?",
    name="one_coordinate",
)
probe_of_all_models = wrong_choice(
    "what_a_probe_says",
    "D",
    "Your probe has seen the states of one model. Even with another random seed, was the row between the same?",
    name="holds_for_every_model",
)


# --- run_with

keeps_the_hooks = misconception(
    "run_with",
    "What you return is right. But ask the model again without patches: it still answers as if patched. What does a "
    "handle offer to undo the registration?",
    change=("handle.remove()", "pass"),
)


@misconception(
    "run_with",
    "All goes well until a change raises an error: then the hooks stay in the model. Which statement runs its block "
    "whether or not there was an error?",
)
def removes_unless_it_fails(model, ids, patches):
    with evaluating(model):
        handles = []
        for part, change in patches.items():
            hook = lambda module, inputs, output, change=change: change(output)  # noqa: E731
            handles.append(model.get_submodule(part).register_forward_hook(hook))
        logits = model(ids)
        for handle in handles:
            handle.remove()
        return logits


last_change_for_all = misconception(
    "run_with",
    "One patch is right; with two, both parts get the change of the last one. When is `change` looked up: where the "
    "hook is made, or when it runs?",
    change=("output, change=change", "output"),
)

looks_but_changes_nothing = misconception(
    "run_with",
    "Your changes are called, and the logits stay as they were. What does PyTorch do with what a hook returns?",
    change=("return change(output)", "change(output)"),
)


@misconception(
    "run_with",
    "Your hook changes what goes *into* a part and not what comes out of it. Which kind of hook is called after the "
    "module has run?",
)
def changes_the_input(model, ids, patches):
    with evaluating(model):
        handles = []
        try:
            for part, change in patches.items():

                def hook(module, inputs, change=change):
                    changed = change(inputs[0])
                    return inputs if changed is None else (changed,)

                handles.append(model.get_submodule(part).register_forward_pre_hook(hook))
            return model(ids)
        finally:
            for handle in handles:
                handle.remove()


@misconception(
    "run_with",
    "Only the first patch is in your run. How many parts does `patches` have, and how many of them does your loop "
    "reach?",
)
def only_the_first(model, ids, patches):
    with evaluating(model):
        for part, change in patches.items():
            hook = lambda module, inputs, output, change=change: change(output)  # noqa: E731
            handle = model.get_submodule(part).register_forward_hook(hook)
            try:
                return model(ids)
            finally:
                handle.remove()
        return model(ids)


@misconception(
    "run_with",
    "Ask your function twice, and it answers differently: dropout is still at work. Which of the given lines have you "
    "taken out, and what does it do to the model?",
)
def dropout_stays_on(model, ids, patches):
    handles = []
    try:
        for part, change in patches.items():
            hook = lambda module, inputs, output, change=change: change(output)  # noqa: E731
            handles.append(model.get_submodule(part).register_forward_hook(hook))
        with torch.no_grad():
            return model(ids)
    finally:
        for handle in handles:
            handle.remove()


# --- restored

from_the_clean_side = misconception(
    "restored",
    "Your 0 and 1 are exchanged: a run that is still as corrupted gets 1. From which of the two runs is the way "
    "measured?",
    change=("(patched - corrupted) / (clean - corrupted)", "(clean - patched) / (clean - corrupted)"),
)

share_of_the_clean = misconception(
    "restored",
    "You compare with the clean run alone, so a run that is as corrupted does not get 0. Where does the way begin, and "
    "how long is it?",
    change=("(patched - corrupted) / (clean - corrupted)", "patched / clean"),
)

way_by_the_clean = misconception(
    "restored",
    "0 is right, 1 is not: the clean run itself gets another number. How long is the whole way from "
    "corrupted to clean?",
    change=("/ (clean - corrupted)", "/ clean"),
)

way_not_divided = misconception(
    "restored",
    "You give the way in logits. Which share is it of the whole way?",
    change=("(patched - corrupted) / (clean - corrupted)", "patched - corrupted"),
)


@misconception(
    "restored",
    "You hold the result between 0 and 1. A patch may do worse than nothing, or more than the clean run: what would a "
    "reader of your grid miss?",
)
def held_between_0_and_1(clean, corrupted, patched):
    share = (patched - corrupted) / (clean - corrupted)
    return torch.as_tensor(share).clamp(0, 1)


# --- patch_grid

the_other_way_round = misconception(
    "patch_grid",
    "You put the corrupted outputs into the clean run: that shows what breaks the answer, and the task asks what "
    "brings it back. Which text runs when a slice is put back, and where does the slice come from?",
    change=[
        ("my.run_with(model, corrupted, {part: change})", "my.run_with(model, clean, {part: change})"),
        ("my.run_with(model, clean, keep)", "my.run_with(model, corrupted, keep)"),
        ("my.run_with(model, corrupted, {})", "my.run_with(model, clean, {})"),
    ],
)

all_places_at_once = misconception(
    "patch_grid",
    "All numbers in a row of your grid are the same. How many places does one patch replace?",
    change=("output[:, t] = said[part][:, t]", "output[:] = said[part]"),
)

from_there_on = misconception(
    "patch_grid",
    "Your first column is that of a whole patch: you replace place t and everything after it. Which "
    "slice is one place?",
    change=("output[:, t] = said[part][:, t]", "output[:, t:] = said[part][:, t:]"),
)

without_the_foil = misconception(
    "patch_grid",
    "You follow the answer's logit alone. A patch that raises all logits alike would count as a success: what is the "
    "answer compared with?",
    change=("logits[row, -1, answer] - logits[row, -1, foil]", "logits[row, -1, answer]"),
)

at_the_first_place = misconception(
    "patch_grid",
    "You read the logits of the first place. Which place tells the next token?",
    change=("logits[row, -1, answer] - logits[row, -1, foil]", "logits[row, 0, answer] - logits[row, 0, foil]"),
)

first_text_only = misconception(
    "patch_grid",
    "With one text all is right; of a batch you patch the first text only. Which axis of the output are the texts?",
    change=("output[:, t] = said[part][:, t]", "output[0, t] = said[part][0, t]"),
)


@misconception(
    "patch_grid",
    "You take the share in each text, and then the mean. A text whose two runs hardly differ then outweighs all "
    "others: what does the docstring take the mean of?",
)
def mean_of_the_shares(model, clean, corrupted, parts, answer, foil):
    row, said = torch.arange(len(clean)), {}

    def difference(logits):
        return logits[row, -1, answer] - logits[row, -1, foil]

    def patched(part, t):
        def change(output):
            output = output.clone()
            output[:, t] = said[part][:, t]
            return output

        return my.restored(top, bottom, difference(my.run_with(model, corrupted, {part: change}))).mean()

    keep = {part: lambda output, part=part: said.update({part: output.clone()}) for part in parts}
    top, bottom = difference(my.run_with(model, clean, keep)), difference(my.run_with(model, corrupted, {}))
    return torch.stack([torch.stack([patched(part, t) for t in range(clean.shape[1])]) for part in parts])


up_to_there = misconception(
    "patch_grid",
    "Your last column is that of a whole patch: you replace place t and everything before it. Which slice is one "
    "place?",
    change=("output[:, t] = said[part][:, t]", "output[:, : t + 1] = said[part][:, : t + 1]"),
)

as_probabilities = misconception(
    "patch_grid",
    "You compare probabilities. Where both are near 0, their difference hardly moves: what does the docstring "
    "subtract?",
    change=("return (logits[row, -1, answer] - logits[row, -1, foil]).mean()",
            "p = logits[:, -1].softmax(dim=-1)\nreturn (p[row, answer] - p[row, foil]).mean()"),
)  # fmt: skip


# --- logit_attribution

answer_only = misconception(
    "logit_attribution",
    "Your sum is the answer's logit and not the difference of two. Which other row of W_U is in the formula?",
    change=("(W_U[answer] - W_U[foil])", "W_U[answer]"),
)

foil_minus_answer = misconception(
    "logit_attribution",
    "A part that speaks for the answer gets a negative number from you. Which of the two rows is subtracted?",
    change=("(W_U[answer] - W_U[foil])", "(W_U[foil] - W_U[answer])"),
)

columns_of_the_head = misconception(
    "logit_attribution",
    "With a square W_U you get numbers, with others an error: you take columns. Which axis of W_U are the words?",
    change=("(W_U[answer] - W_U[foil])", "(W_U[:, answer] - W_U[:, foil])"),
)

shares_of_the_whole = misconception(
    "logit_attribution",
    "Your numbers add up to 1. They should add up to the difference of the logits: what have you divided by?",
    change=("return parts @ (W_U[answer] - W_U[foil])",
            "added = parts @ (W_U[answer] - W_U[foil])\nreturn added / added.sum(dim=-1, keepdim=True)"),
)  # fmt: skip

all_parts_together = misconception(
    "logit_attribution",
    "You return one number where each part should have its own. Over which axis does the product sum, and over which "
    "must it not?",
    change=("return parts @ (W_U[answer] - W_U[foil])", "return (parts @ (W_U[answer] - W_U[foil])).sum(dim=-1)"),
)


# --- previous_token_score

looks_at_the_next = misconception(
    "previous_token_score",
    "You read the weight on the token *after*, which is 0 wherever there is a causal mask. Which index of A asks, and "
    "which is looked at?",
    change=("A[..., t, t - 1]", "A[..., t - 1, t]"),
)

looks_at_itself = misconception(
    "previous_token_score",
    "A head that only looks at itself gets 1 from you. Which column stands before the diagonal?",
    change=("A[..., t, t - 1]", "A[..., t, t]"),
)

first_place_counts_as_0 = misconception(
    "previous_token_score",
    "You divide by all T places, so that even a perfect head stays below 1. How many places have a token before them?",
    change=("A[..., t, t - 1].mean(dim=-1)", "A[..., t, t - 1].sum(dim=-1) / A.shape[-1]"),
)

summed_and_not_averaged = misconception(
    "previous_token_score",
    "Your score grows with the length of the text. Which operation makes a share of it?",
    change=(".mean(dim=-1)", ".sum(dim=-1)"),
)


# --- induction_score

at_the_same_token = misconception(
    "induction_score",
    "You score a head that looks at the same token, one period ago. To copy, what does it need to see: that token, or "
    "the one behind it?",
    change=("t - period + 1", "t - period"),
)

one_before_the_token = misconception(
    "induction_score",
    "Your column is the one *before* the same token. In which direction does the song go on?",
    change=("t - period + 1", "t - period - 1"),
)

ignores_the_start = misconception(
    "induction_score",
    "You are right where the repeated segment begins at place 0, and not where other tokens stand before it. From "
    "which place on has every token been read before?",
    change=("torch.arange(start + period, A.shape[-1])", "torch.arange(period, A.shape[-1])"),
)

counts_the_first_time = misconception(
    "induction_score",
    "You count places where the segment is read for the first time: there is nothing to copy yet. How many tokens "
    "must have passed since start?",
    change=("torch.arange(start + period, A.shape[-1])", "torch.arange(max(start, period - 1), A.shape[-1])"),
)

from_the_key_s_side = misconception(
    "induction_score",
    "You have exchanged rows and columns. Which of the two looks back?",
    change=("A[..., t, t - period + 1]", "A[..., t - period + 1, t]"),
)

added_up = misconception(
    "induction_score",
    "A longer text gets a larger score from you. What makes a mean of the weights?",
    change=(".mean(dim=-1)", ".sum(dim=-1)"),
)


# --- fit_probe

through_the_origin = misconception(
    "fit_probe",
    "Your scores depend on where the states lie: move them all by 5, and they change. What is subtracted from X before "
    "W is solved for?",
    change=("X_c, Y_c = X - x_mean, Y - y_mean", "X_c, Y_c = X, Y - y_mean"),
)

no_shift_in_the_end = misconception(
    "fit_probe",
    "W is right, b is not: it is that of centred states. But the scores are X @ W + b with X as it is: what has to be "
    "subtracted for its mean?",
    change=("y_mean - x_mean @ W", "y_mean"),
)

without_a_ridge = misconception(
    "fit_probe",
    "You fit as if ridge were 0. Which term keeps the weights small, and the matrix invertible?",
    change=("X_c.T @ X_c + ridge * torch.eye(X.shape[1], dtype=X.dtype)",
            "X_c.T @ X_c + 1e-9 * torch.eye(X.shape[1], dtype=X.dtype)"),
)  # fmt: skip

ridge_for_each_state = misconception(
    "fit_probe",
    "Your weights are held down too strongly, the more so the more states there are. How often does the formula add "
    "lambda I, once or once a state?",
    change=("ridge * torch.eye", "len(X) * ridge * torch.eye"),
)

ridge_everywhere = misconception(
    "fit_probe",
    "You add the ridge to every entry of the matrix. Where does lambda I have its lambdas?",
    change=("ridge * torch.eye(X.shape[1], dtype=X.dtype)", "ridge"),
)

ridge_squared = misconception(
    "fit_probe",
    "Your ridge is squared. What stands in front of I in the formula?",
    change=("ridge * torch.eye", "ridge**2 * torch.eye"),
)

only_classes_that_occur = misconception(
    "fit_probe",
    "A class that occurs nowhere in y has no column in your W, so all later classes get another number. How many "
    "columns does the docstring promise?",
    change=("nn.functional.one_hot(y).to(X.dtype)", "(y[:, None] == y.unique()).to(X.dtype)"),
)


@misconception(
    "fit_probe",
    "Your shift is held down like the other weights: far from 0 it comes out too small. Which column did you add, and "
    "does the ridge belong on it?",
)
def shift_held_down_too(X, y, ridge):
    Y = nn.functional.one_hot(y).to(X.dtype)
    wide = torch.cat([X, torch.ones(len(X), 1, dtype=X.dtype)], dim=1)
    W = torch.linalg.solve(wide.T @ wide + ridge * torch.eye(wide.shape[1], dtype=X.dtype), wide.T @ Y)
    return W[:-1], W[-1]


# --- selectivity

seen_states = misconception(
    "selectivity",
    "You count on the very states that the probes were fitted on. With enough coordinates a probe learns those by "
    "heart, whatever the label: which states should be counted?",
    change=[
        ("(X[n:] @ W + b)", "(X[:n] @ W + b)"),
        ("guesses == labels[n:]", "guesses == labels[:n]"),
    ],
)

fitted_on_all = misconception(
    "selectivity",
    "You count on the last third, and that is right. But your probes were fitted on it, too: which states may they "
    "see?",
    change=("my.fit_probe(X[:n], labels[:n], ridge)", "my.fit_probe(X, labels, ridge)"),
)

control_minus_fact = misconception(
    "selectivity",
    "A fact that is read well gets a negative number from you. Which accuracy is subtracted from which?",
    change=("accuracy(y) - accuracy(useless)", "accuracy(useless) - accuracy(y)"),
)

without_a_control = misconception(
    "selectivity",
    "You give the accuracy for y and have no control. What do the same states give for the useless label?",
    change=("accuracy(y) - accuracy(useless)", "accuracy(y)"),
)


@misconception(
    "selectivity",
    "You ask the probe of y for the useless label. The control must have every chance: with which labels is its own "
    "probe fitted?",
)
def one_probe_for_both(X, y, useless, ridge):
    n = 2 * len(X) // 3
    W, b = my.fit_probe(X[:n], y[:n], ridge)
    guesses = (X[n:] @ W + b).argmax(dim=1)
    return ((guesses == y[n:]).double().mean() - (guesses == useless[n:]).double().mean()).item()


@misconception(
    "selectivity",
    "You compare with the most frequent class of y. That control has read nothing: what would a probe for the useless "
    "label get?",
)
def against_the_majority(X, y, useless, ridge):
    n = 2 * len(X) // 3
    W, b = my.fit_probe(X[:n], y[:n], ridge)
    right = ((X[n:] @ W + b).argmax(dim=1) == y[n:]).double().mean().item()
    return right - (y[n:] == y[:n].mode().values).double().mean().item()


as_a_ratio = misconception(
    "selectivity",
    "You divide the two accuracies. What does the docstring do with them?",
    change=("accuracy(y) - accuracy(useless)", "accuracy(y) / max(accuracy(useless), 1e-9)"),
)


without_the_shift = misconception(
    "selectivity",
    "Your scores lack b. Where the states are far from 0, which class wins then?",
    change=("(X[n:] @ W + b)", "(X[n:] @ W)"),
)


# --- difference_of_means

the_wrong_way = misconception(
    "difference_of_means",
    "Your vector leads from where y holds to where it doesn't. Which mean is subtracted?",
    change=("X[y].mean(dim=0) - X[~y].mean(dim=0)", "X[~y].mean(dim=0) - X[y].mean(dim=0)"),
)

from_the_mean_of_all = misconception(
    "difference_of_means",
    "You subtract the mean of all states, so your vector is too short. Which states belong into the second mean?",
    change=("X[~y].mean(dim=0)", "X.mean(dim=0)"),
)

of_length_one = misconception(
    "difference_of_means",
    "The direction is right, its length is 1. How far apart are the two means?",
    change=("return X[y].mean(dim=0) - X[~y].mean(dim=0)",
            "v = X[y].mean(dim=0) - X[~y].mean(dim=0)\nreturn v / v.norm()"),
)  # fmt: skip

numbers_as_places = misconception(
    "difference_of_means",
    "With booleans you are right. With 0 and 1, your index takes state 0 and state 1, again and again: how do you make "
    "a mask of them?",
    change=[("y = y.bool()", "other = ~y if y.dtype == torch.bool else 1 - y"), ("X[~y]", "X[other]")],
)

sums_and_not_means = misconception(
    "difference_of_means",
    "You subtract sums: where there are more states of one kind, they win. By what is each sum divided?",
    change=("X[y].mean(dim=0) - X[~y].mean(dim=0)", "X[y].sum(dim=0) - X[~y].sum(dim=0)"),
)


# --- steer

everywhere = misconception(
    "steer",
    "You add the vector at every place of a text. Which one is meant?",
    change=("output[row, places] += vector", "output += vector"),
)

every_text_gets_all_places = misconception(
    "steer",
    "One text is right; in a batch, each text is steered at the places of all the others, too. What does a slice in "
    "the first index mean, and what does a list of row numbers mean?",
    change=("output[row, places] += vector", "output[:, places] += vector"),
)

replaced_by_the_vector = misconception(
    "steer",
    "You put the vector in the state's place, and all else that stood there is lost. What does steering do with the "
    "state?",
    change=("output[row, places] += vector", "output[row, places] = vector"),
)

first_place_for_all = misconception(
    "steer",
    "You steer every text where the first one is to be steered. How many places were you given?",
    change=("output[row, places] += vector", "output[:, places[0]] += vector"),
)

taken_away = misconception(
    "steer",
    "You subtract the vector, so everything is steered the other way. Which sign does the docstring ask for?",
    change=("+= vector", "-= vector"),
)

length_made_one = misconception(
    "steer",
    "You add the vector's direction, with length 1. How far does the docstring say to go?",
    change=("+= vector", "+= vector / vector.norm()"),
)

from_there_to_the_end = misconception(
    "steer",
    "You steer from the given place on to the end of the text. At which places does the docstring add the vector?",
    change=("output[row, places] += vector",
            "output += (torch.arange(output.shape[1]) >= places[:, None])[..., None] * vector"),
)  # fmt: skip


# --- sae_encode

below_zero_too = misconception(
    "sae_encode",
    "Where fewer than k scores are above 0, you keep negative ones. Which function of the formula takes them away?",
    change=("torch.relu(x @ W.T + b)", "x @ W.T + b"),
)

largest_without_a_sign = misconception(
    "sae_encode",
    "You choose the k scores of the largest size, whatever their sign. A score of -9 then takes the place of a "
    "feature: when does ReLU come, before the choice or after it?",
    change=[
        ("torch.relu(x @ W.T + b)", "x @ W.T + b"),
        ("values, places = torch.topk(scores, k, dim=-1)",
         "places = torch.topk(scores.abs(), k, dim=-1).indices\nvalues = torch.relu(scores.gather(-1, places))"),
    ],
)  # fmt: skip

largest_of_a_feature = misconception(
    "sae_encode",
    "You keep the k largest in each *column*: how many features has one state then? Along which axis do the features "
    "compete?",
    change=[
        ("torch.topk(scores, k, dim=-1)", "torch.topk(scores, min(k, len(scores)), dim=0)"),
        ("scatter(-1, places, values)", "scatter(0, places, values)"),
    ],
)

no_threshold = misconception(
    "sae_encode",
    "Your scores lack b. What does it do for a feature that should seldom be on?",
    change=("x @ W.T + b", "x @ W.T + 0 * b"),
)

chosen_before_the_threshold = misconception(
    "sae_encode",
    "You choose the k features before b is added. A feature with a high threshold then takes a place and says nothing: "
    "what is compared, x W^T or the scores?",
    change=("torch.topk(scores, k, dim=-1)",
            "scores.gather(-1, torch.topk(x @ W.T, k, dim=-1).indices), torch.topk(x @ W.T, k, dim=-1).indices"),
)  # fmt: skip

on_is_one = misconception(
    "sae_encode",
    "You say which features are on, and not how strongly. What goes into f at the chosen places?",
    change=("scatter(-1, places, values)", "scatter(-1, places, (values > 0).to(values.dtype))"),
)

all_that_are_on = misconception(
    "sae_encode",
    "Every score above 0 is still there. How many may each row keep?",
    change=("torch.zeros_like(scores).scatter(-1, places, values)", "scores"),
)

cuts_the_gradient = misconception(
    "sae_encode",
    "Your features are right, and W and b can't learn from them: where do you leave the path that gradients take back?",
    change=("torch.relu(x @ W.T + b)", "torch.relu(x @ W.T + b).detach()"),
)


# --- best_feature

by_accuracy = misconception(
    "best_feature",
    "You count how often feature and fact agree. A fact that is rare is then best matched by a feature that is never "
    "on: which of the four counts does F1 leave out?",
    change=("2 * both / (2 * both + only_on + only_y)", "(on == y).double().mean(dim=0)"),
)

by_precision = misconception(
    "best_feature",
    "You ask only how often a feature is right when it is on, so one that is on a single time wins. Which mistakes "
    "have you left out?",
    change=("2 * both / (2 * both + only_on + only_y)", "both / (both + only_on).clamp(min=1)"),
)

by_recall = misconception(
    "best_feature",
    "You ask only how much of the fact a feature covers, so one that is always on wins. Which mistakes have you left "
    "out?",
    change=("2 * both / (2 * both + only_on + only_y)", "both / (both + only_y)"),
)

hits_counted_once = misconception(
    "best_feature",
    "Your best feature is often right, its F1 too low. How often does TP stand above the line, and how often below?",
    change=("2 * both / (2 * both + only_on + only_y)", "both / (both + only_on + only_y)"),
)

by_strength = misconception(
    "best_feature",
    "You weigh each state with how strongly the feature is on. Multiply a feature by 50, and you find another F1: what "
    "is 'on'?",
    change=[
        ("on, y = F > 0, y.bool()[:, None]", "on, y = F, y.bool()[:, None].double()"),
        ("(on & y).sum(dim=0), (on & ~y).sum(dim=0), (~on & y).sum(dim=0)",
         "(on * y).sum(dim=0), (on * (1 - y)).sum(dim=0), ((1 - on) * y).sum(dim=0)"),
    ],
)  # fmt: skip

above_a_half = misconception(
    "best_feature",
    "You call a feature on above 0.5. From which value on does the docstring call it on?",
    change=("F > 0", "F > 0.5"),
)

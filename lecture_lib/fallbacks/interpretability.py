"""Fallbacks for the exercises of unit 15_interpretability: torch tensors in and out.

A model is any nn.Module, ids (B, T) -> logits (B, T, vocab_size), and a part one of its modules, by the name that
`named_modules` gives it. Sources: Vig et al. 2020, Meng et al. 2022 (patching), Elhage et al. 2021 (attribution),
Olsson et al. 2022 (induction), Hewitt and Liang 2019 (control tasks), Turner et al. 2023, Zou et al. 2023 (steering),
Bricken et al. 2023, Cunningham et al. 2023, Gao et al. 2024 (sparse autoencoders).
"""

from contextlib import ExitStack

import torch

from lecture_lib.inference.evaluating import evaluating


def _hook(change):
    return lambda _module, _inputs, output: change(output)


def run_with(model, ids, patches):
    """patches: {part: output -> what goes on in its place, or None} -> logits; the model is left as it was."""
    with ExitStack() as hooks, evaluating(model):
        for part, change in patches.items():
            hooks.callback(model.get_submodule(part).register_forward_hook(_hook(change)).remove)
        return model(ids)


def restored(clean, corrupted, patched):
    """-> the share of the way from corrupted to clean: 0 as corrupted, 1 as clean."""
    return 1 - (clean - patched) / (clean - corrupted)


def patch_grid(model, clean, corrupted, parts, answer, foil):
    """clean, corrupted (B, T), answer, foil (B,) -> (len(parts), T): restored by one part at one place."""
    kept = {}
    rows = torch.arange(len(clean))

    def gap(logits):
        return (logits[rows, -1, answer] - logits[rows, -1, foil]).mean()

    def keep(part):
        return lambda output: kept.update({part: output.clone()})

    top = gap(run_with(model, clean, {part: keep(part) for part in parts}))
    bottom, places = gap(run_with(model, corrupted, {})), torch.arange(clean.shape[1])[:, None]

    def mended(part, place):
        return gap(run_with(model, corrupted, {part: lambda out: torch.where(places == place, kept[part], out)}))

    patched = torch.stack([torch.stack([mended(part, place) for place in places[:, 0]]) for part in parts])
    return restored(top, bottom, patched)


def logit_attribution(parts, W_U, answer, foil):
    """parts (..., n_parts, d_model), W_U (vocab_size, d_model) -> (..., n_parts), their shares of the difference."""
    rows = W_U[torch.tensor([int(foil), int(answer)])]
    return torch.einsum("...d,wd->...w", parts, rows).diff(dim=-1).squeeze(-1)


def previous_token_score(A):
    """A (..., T, T) -> (...): the mean weight on the token before, from the second row on."""
    return A.diagonal(-1, -2, -1).mean(-1)


def induction_score(A, period, start):
    """A (..., T, T) -> (...): in the repeats, the mean weight on what followed the same token a period ago."""
    return A.diagonal(1 - period, -2, -1)[..., start + 1 :].mean(-1)


def fit_probe(X, y, ridge):
    """X (n, d), y (n,) -> W (d, n_classes), b (n_classes,), by ridge regression on one-hot labels."""
    Y = torch.nn.functional.one_hot(y.long()).to(X.dtype)
    x_mean, y_mean = X.mean(0), Y.mean(0)
    wide = torch.cat([X - x_mean, ridge**0.5 * torch.eye(X.shape[1], dtype=X.dtype)])
    W = torch.linalg.lstsq(wide, torch.cat([Y - y_mean, Y.new_zeros(X.shape[1], Y.shape[1])])).solution
    return W, y_mean - x_mean @ W


def selectivity(X, y, useless, ridge):
    """-> held-out accuracy of a probe for y, less that of a probe for the useless label."""
    n = 2 * len(X) // 3
    accuracies = []
    for labels in (y, useless):
        W, b = fit_probe(X[:n], labels[:n], ridge)
        accuracies.append(((X[n:] @ W + b).argmax(1) == labels[n:]).double().mean().item())
    return accuracies[0] - accuracies[1]


def difference_of_means(X, y):
    """X (n, d), y (n,) of two kinds -> (d,): the mean where y, less the mean where not."""
    y = y.bool()
    return X[y].mean(0) - X[~y].mean(0)


def steer(model, ids, part, places, vector):
    """ids (B, T), places (B,), vector (d_model,) -> logits, with the vector added at one place of each row."""
    here = torch.nn.functional.one_hot(places, ids.shape[1])[..., None]
    return run_with(model, ids, {part: lambda output: torch.where(here > 0, output + vector, output)})


def sae_encode(x, W, b, k):
    """x (n, d), W (m, d), b (m,) -> (n, m): the k largest scores of each row that are above 0; else 0."""
    scores = torch.nn.functional.linear(x, W, b).clamp_min(0)
    values, places = scores.topk(k, dim=-1)
    return torch.zeros_like(scores).scatter(-1, places, values)


def best_feature(F, y):
    """F (n, m), y (n,) -> the column that is on (above 0) most as y is, by F1, and its F1."""
    on, y = (F > 0).double(), y.double()
    f1 = 2 * (y @ on) / (on.sum(0) + y.sum()).clamp_min(1)
    return int(f1.argmax()), float(f1.max())

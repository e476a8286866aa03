"""Right answers to unit 15_interpretability that are written differently from the lesson's."""

import numpy as np
import torch

from lecture_lib.checking.bank import alternative
from lecture_lib.mywork import saved_work

my = saved_work("15_interpretability")


@alternative("run_with")
def with_a_stack(model, ids, patches):
    from contextlib import ExitStack

    def hook_of(change):
        return lambda module, inputs, output: change(output)

    with ExitStack() as stack, torch.no_grad():
        model.eval()
        parts = dict(model.named_modules())
        for part, change in patches.items():
            handle = parts[part].register_forward_hook(hook_of(change))
            stack.callback(handle.remove)
        return model(ids)


@alternative("restored")
def one_minus_what_is_missing(clean, corrupted, patched):
    return 1 - (clean - patched) / (clean - corrupted)


@alternative("patch_grid")
def row_by_row(model, clean, corrupted, parts, answer, foil):
    said = {}

    def difference(logits):
        at_last = logits[:, -1]
        return (at_last.gather(1, answer[:, None]) - at_last.gather(1, foil[:, None])).mean().item()

    def keep(part):
        def change(output):
            said[part] = output

        return change

    top = difference(my.run_with(model, clean, {part: keep(part) for part in parts}))
    bottom = difference(my.run_with(model, corrupted, {}))
    grid = []
    for part in parts:
        line = []
        for t in range(clean.shape[1]):
            here = torch.arange(clean.shape[1])[:, None] == t
            patch = {part: lambda output, part=part, here=here: torch.where(here, said[part], output)}
            line.append((difference(my.run_with(model, corrupted, patch)) - bottom) / (top - bottom))
        grid.append(line)
    return torch.tensor(grid, dtype=torch.float64)


@alternative("logit_attribution")
def two_columns(parts, W_U, answer, foil):
    logits = parts @ W_U.T
    return logits[..., answer] - logits[..., foil]


@alternative("previous_token_score")
def along_the_diagonal(A):
    return torch.diagonal(A, offset=-1, dim1=-2, dim2=-1).mean(-1)


@alternative("induction_score")
def place_by_place(A, period, start):
    weights = [A[..., t, t - period + 1] for t in range(start + period, A.shape[-1])]
    return sum(weights) / len(weights)


@alternative("fit_probe")
def by_least_squares(X, y, ridge):
    d = X.shape[1]
    Y = torch.eye(int(y.max()) + 1, dtype=X.dtype)[y]
    x_mean, y_mean = X.mean(0, keepdim=True), Y.mean(0, keepdim=True)
    below = np.sqrt(ridge) * torch.eye(d, dtype=X.dtype)
    W = torch.linalg.lstsq(
        torch.vstack([X - x_mean, below]), torch.vstack([Y - y_mean, torch.zeros(d, Y.shape[1])])
    ).solution
    return W, (y_mean - x_mean @ W)[0]


@alternative("selectivity")
def counted_one_by_one(X, y, useless, ridge):
    n = len(X) * 2 // 3
    right = []
    for labels in (y, useless):
        W, b = my.fit_probe(X[:n], labels[:n], ridge)
        right.append(sum(int((x @ W + b).argmax()) == int(label) for x, label in zip(X[n:], labels[n:])))
    return (right[0] - right[1]) / (len(X) - n)


@alternative("difference_of_means")
def by_weights(X, y):
    w = y.to(X.dtype)
    return w @ X / w.sum() - (1 - w) @ X / (1 - w).sum()


@alternative("steer")
def with_a_mask(model, ids, part, places, vector):
    here = torch.arange(ids.shape[1]) == places[:, None]
    return my.run_with(model, ids, {part: lambda output: output + here[:, :, None] * vector})


@alternative("sae_encode")
def by_the_smallest_kept(x, W, b, k):
    scores = (torch.einsum("nd,md->nm", x, W) + b).clamp(min=0)
    smallest = scores.sort(dim=1, descending=True).values[:, k - 1 : k]
    return torch.where(scores >= smallest, scores, torch.zeros_like(scores))


@alternative("best_feature")
def column_by_column(F, y):
    y, best, best_f1 = y.bool(), 0, -1.0
    for j in range(F.shape[1]):
        on = F[:, j] > 0
        f1 = 2 * float((on & y).sum()) / float(on.sum() + y.sum())
        if f1 > best_f1:
            best, best_f1 = j, f1
    return best, best_f1

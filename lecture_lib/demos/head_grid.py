"""Head grid: every head of every layer as a small picture; choose one to open it, and a token to see what it looks at.

Takes the weights of any model, so it is not concerned with how they were computed. Large texts stay readable, since the
opened head shades the words of the text itself.
"""

from collections.abc import Sequence

from lecture_lib.demos._heads import ROLES, HeadGrid, compute, describe, state_of, widget

UNIT = "06_multihead"
EXAMPLE, OPENED, QUERY = 1, (16, 0), 10  # of the recorded sentences; the head that looks most at the token before

__all__ = ["ROLES", "HeadGrid", "compute", "describe", "show"]


def show(
    weights=None,
    tokens: Sequence[str] | None = None,
    *,
    layer: int | None = None,
    head: int | None = None,
    query: int | None = None,
    find: str | None = None,
    without_first: bool = False,
    predict: bool | str = False,
):
    """The grid as a widget; weights and tokens as for `compute`. layer, head, query: opened first.

    Without weights, or with a sentence in their place, the heads are those of SmolLM2-135M; without a sentence too they
    are recorded, and the few that look at the token before are lit: heads divide the work. query None is the last token
    of what is given. find: a key of `ROLES`, by which heads are ranked; "" ranks what the chosen token looks at.
    without_first: the first token's column is left out of the picture, the rest is shaded by its own largest weight.
    What can't be shown is said in the widget's place, in one line.
    """
    from lecture_lib.demos import attention_in_the_wild
    from lecture_lib.demos._message import one_line
    from lecture_lib.demos._smollm2 import SENTENCES, source

    try:
        if weights is None or isinstance(weights, str):
            text = SENTENCES[EXAMPLE] if weights is None else weights
            grid, opened = attention_in_the_wild.compute(text), (*OPENED, QUERY if weights is None else None)
            find = "previous" if weights is None and find is None else find
            parts = {"call": "" if weights is None else repr(text), "source": source(text)}
        else:
            grid, opened, parts = compute(weights, tokens), (0, 0, None), {"call": "weights, tokens"}
        layer = opened[0] if layer is None else layer
        head = opened[1] if head is None else head
        query = opened[2] if query is None else query
        state = state_of(grid, layer, head, query, find or "", without_first)
    except ValueError as error:
        return one_line(str(error))
    return widget("head_grid", lambda _: grid, state, predict, lambda _: parts)

"""A line in a demo's place, where there is nothing to draw."""

from html import escape


class Message:
    """One line of text; `still` is its HTML."""

    def __init__(self, text: str):
        self.text = text
        self.still = f'<div role="alert" style="font:16px/1.45 system-ui,sans-serif">{escape(text)}</div>'

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.still


def one_line(text: str) -> Message:
    """What `show` returns for what can't be drawn: it says what was seen and what was expected."""
    return Message(text)

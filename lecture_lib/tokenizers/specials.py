"""The tokens that are no text, by their roles."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Specials:
    """Names of the tokens that are no text; None where a tokenizer has no such token."""

    pad: str | None = "<pad>"  # fills short rows of a batch
    unk: str | None = "<unk>"  # stands for what the vocabulary cannot write; decoding shows it
    bos: str | None = "<bos>"  # begins a text
    eos: str | None = "<eos>"  # ends a text
    others: tuple[str, ...] = ()  # roles of your own, such as "<|user|>"

    def names(self) -> list[str]:
        """All of them once, in order; the vocabulary of a tokenizer trained here begins with these."""
        return list(dict.fromkeys(name for name in (self.pad, self.unk, self.bos, self.eos, *self.others) if name))

    def control(self) -> list[str]:
        """Those that decoding leaves out: all but `unk`."""
        others = [name for name in (self.pad, self.bos, self.eos, *self.others) if name]
        return list(dict.fromkeys(others))

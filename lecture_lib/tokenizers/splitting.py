"""Cutting text into the pieces that a subword model then works on, with the standard library alone.

Covers GPT-2's splitter (Radford et al. 2019, `encoder.py`: contractions, runs of letters, of digits, of other signs,
each with one leading space; white space), the same with every digit on its own (SmolLM2), words with their inner
apostrophes, and single characters. Each has a JSON form that the `tokenizers` library reads, and cuts as that does.

GPT-2's pattern asks for Unicode's letters and numbers (`\\p{L}`, `\\p{N}`), which `re` cannot name. The package `regex`
can, but a student would install it for this one line. Instead every character is folded to an ASCII character of its
class, an ASCII pattern finds the borders in the folded text, and they cut the original. The classes are those of
Unicode 16, whatever the Python: `_NEWER` lists what Python 3.11 does not know yet.
Leaves out the splitters of later models (GPT-4, Llama 3).
"""

import re
import unicodedata
from bisect import bisect_right
from itertools import accumulate
from operator import itemgetter

# Letters, numbers and marks added in Unicode 15 to 16 (Python 3.11 knows 14): hexadecimal code points or ranges.
_NEWER = {
    "L": "1C89-1C8A A7CB-A7CD A7DA-A7DC 105C0-105F3 10D4A-10D65 10D6F-10D85 10EC2-10EC4 1123F-11240 11380-11389 1138B "
    "1138E 11390-113B5 113B7 113D1 113D3 11BC0-11BE0 11F02 11F04-11F10 11F12-11F33 1342F 13441-13446 13460-143FA "
    "16100-1611D 16D40-16D6C 18CFF 1B132 1B155 1DF25-1DF2A 1E030-1E06D 1E4D0-1E4EB 1E5D0-1E5ED 1E5F0 2B739 2EBF0-2EE5D "
    "31350-323AF",
    "N": "10D40-10D49 116D0-116E3 11BF0-11BF9 11F50-11F59 16130-16139 16D70-16D79 1CCF0-1CCF9 1D2C0-1D2D3 1E4F0-1E4F9 "
    "1E5F1-1E5FA",
    "M": "897 CF3 ECE 10D69-10D6D 10EFC-10EFF 11241 113B8-113C0 113C2 113C5 113C7-113CA 113CC-113D0 113D2 113E1-113E2 "
    "11F00-11F01 11F03 11F34-11F3A 11F3E-11F42 11F5A 13440 13447-13455 1611E-1612F 1E08F 1E4EC-1E4EF 1E5EE-1E5EF",
}


def _newer_ranges() -> list[tuple[int, int, str]]:
    ranges = []
    for kind, listed in _NEWER.items():
        for item in listed.split():
            low, _, high = item.partition("-")
            ranges.append((int(low, 16), int(high or low, 16), kind))
    return sorted(ranges)


_NEWER_RANGES = _newer_ranges()


def char_class(char: str) -> str:
    """`L` letter, `N` number, `M` combining mark, `S` white space, `O` anything else: `char_class("é") == "L"`."""
    category = unicodedata.category(char)[0]
    if category in "LNM":
        return category
    # Python counts the four separators U+001C to U+001F as white space; Unicode's property does not.
    if char.isspace() and not "\x1c" <= char <= "\x1f":
        return "S"
    if category == "C" and char > "\x7f":
        place = bisect_right(_NEWER_RANGES, ord(char), key=itemgetter(0))
        _, high, kind = _NEWER_RANGES[place - 1] if place else (0, 0, "O")
        return kind if ord(char) <= high else "O"
    return "O"


class _Fold(dict):
    """Table for `str.translate` that classifies a character when it is first met; ASCII stands for itself."""

    def __init__(self, representatives: dict[str, str], exceptions: dict[str, str]):
        super().__init__({ord(char): representative for char, representative in exceptions.items()})
        self.representatives = representatives

    def __missing__(self, code: int) -> str:
        char = chr(code)
        folded = char if code < 0x80 and not 0x1C <= code <= 0x1F else self.representatives[char_class(char)]
        self[code] = folded
        return folded


# "Z" is a letter that ends no contraction.
_GPT2_FOLD = _Fold({"L": "Z", "N": "0", "M": "!", "S": "\t", "O": "!"}, {})
_GPT2 = re.compile(
    r"'(?:[sdmt]|ll|ve|re)| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+",
    re.ASCII,
)
# The digits are cut out first, so what stands before a digit stands at the end of its stretch.
_GPT2_DIGITS = re.compile(
    r"'(?:[sdmt]|ll|ve|re)| ?[A-Za-z]+|[0-9]| ?[^\sA-Za-z0-9]+|\s+(?![^\s0-9])|\s+",
    re.ASCII,
)
_WORD_FOLD = _Fold({"L": "Z", "N": "Z", "M": "Z", "S": "\t", "O": "!"}, {"’": "'"})
_WORD = re.compile(r"\w+(?:'\w+)*|[^\s\w]", re.ASCII)


def gpt2_pieces(text: str, individual_digits: bool = False) -> list[str]:
    """Cuts as GPT-2 does, losing nothing: `gpt2_pieces("I'm 42!") == ["I", "'m", " 42", "!"]`.

    With `individual_digits` every digit is a piece: `["I", "'m", " ", "4", "2", "!"]`.
    """
    pattern = _GPT2_DIGITS if individual_digits else _GPT2
    if text.isascii():
        return pattern.findall(text)
    ends = list(accumulate(map(len, pattern.findall(text.translate(_GPT2_FOLD)))))
    return [text[start:end] for start, end in zip([0, *ends], ends)]


def words(text: str) -> list[str]:
    """Words (letters, marks, digits, inner apostrophes) and single signs: `words("Isn't it?") == ["Isn't", "it", "?"]`.

    White space separates and is dropped.
    """
    if text.isascii():
        return _WORD.findall(text)
    return [text[match.start() : match.end()] for match in _WORD.finditer(text.translate(_WORD_FOLD))]


def _keep(pattern: str) -> dict:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Removed", "invert": True}


_BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}

# The same cuts, as the `tokenizers` library's JSON names them.
GPT2_JSON = _BYTE_LEVEL
GPT2_DIGITS_JSON = {
    "type": "Sequence",
    "pretokenizers": [{"type": "Digits", "individual_digits": True}, _BYTE_LEVEL],
}
WORDS_JSON = _keep(r"[\p{L}\p{M}\p{N}_]+(?:['’][\p{L}\p{M}\p{N}_]+)*|[^\s\p{L}\p{M}\p{N}_]")
CHARACTERS_JSON = _keep(r"[\s\S]")


def same(pre_tokenizer: dict | None, ours: dict) -> bool:
    """Whether two JSON pre-tokenizers cut alike: those flags count that decide where (not `trim_offsets`)."""
    return _cutting_part(pre_tokenizer) == _cutting_part(ours)


def _cutting_part(part):
    if isinstance(part, list):
        return [_cutting_part(item) for item in part]
    if not isinstance(part, dict):
        return part
    defaults = {"use_regex": True} if part.get("type") == "ByteLevel" else {}  # absent in files before version 0.12
    return defaults | {key: _cutting_part(value) for key, value in part.items() if key != "trim_offsets"}

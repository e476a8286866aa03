"""Bytes written as printable characters, as GPT-2's vocabulary files do (Radford et al. 2019, `encoder.py`).

Each of the 256 bytes has one character: a printable byte of Latin-1 stands for itself, the others follow from U+0100
upwards in order, so that a space is `Ġ` and a newline `Ċ`. A token is then a visible string without white space.
"""


def _alphabet() -> str:
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    spare = iter(range(0x100, 0x200))
    return "".join(chr(byte if byte in printable else next(spare)) for byte in range(256))


ALPHABET = _alphabet()  # ALPHABET[b] is the character of byte b
_TO_ALPHABET = dict(enumerate(ALPHABET))
_BYTE_OF = {char: byte for byte, char in enumerate(ALPHABET)}


def to_alphabet(text: str) -> str:
    """The text's UTF-8 bytes, one character each: `to_alphabet(" né") == "ĠnÃ©"`."""
    return text.encode().decode("latin-1").translate(_TO_ALPHABET)


def from_alphabet(token: str) -> bytes:
    """The bytes that a token stands for: `from_alphabet("ĠnÃ©") == b" n\\xc3\\xa9"`.

    A token with any other character (a special one, say) stands for its own UTF-8.
    """
    try:
        return bytes([_BYTE_OF[char] for char in token])
    except KeyError:
        return token.encode()

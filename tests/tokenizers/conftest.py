"""Texts that tokenizers get wrong. No `__init__.py` here: this folder must not become a package named `tokenizers`."""

import pydoc_data.topics
import random

import pytest

ALPHABETS = [
    "abcdefgh ",
    "aab ",
    "THE quick brown narwhal's don't we've I'll they're 'tis 12 345 ",
    "àéîõüßøåæœ ŁŻłżđ",
    "αβγδεζ ΑΒΓΔ абвгд ЖЗИЙ",
    "אבגד هوز حطي ١٢٣",
    "नमस्ते क्या ไทยภาษา ",
    "日本語のテキスト 中文字符 한국어 ",
    "🐳🦭🐬👩‍👩‍👧‍👦🏴󠁧󠁢󠁥󠁮󠁧󠁿🇩🇪❤️",
    "e\u0301a\u0308o\u0302\u0323n\u0303\u200d\u200c\ufeff",
    "\x00\x01\x07\x0b\x0c\x1b\x1c\x1d\x1e\x1f\x7f\x85\u200b\u2028\u2029\ufffe\uffff",
    " \t\n\r\u00a0\u3000\u2003",
    "\n",
    ".,!?;:()[]{}<>#@-–—…“”‘’'\"/\\|_*&^%$=+~`",
    "²³¼½Ⅷ٣५〇𝟘𝟙𐄇",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈𐌰 \U0001e900\U0010ffff\U000e0041",
]
SNIPPETS = [
    "'re",
    "'ve",
    "'ll",
    "'d",
    "'m",
    "'t",
    "'S",
    "<pad>",
    "<unk>",
    "<bos>",
    "<eos>",
    "##",
    "Ġ",
    "Ċ",
    "▁",
    "\r\n",
    "  ",
    "\n\n\n",
    "'s",
    "’t",
    "https://x.y/z?q=1",
]


def random_text(rng: random.Random) -> str:
    """Up to 60 characters from one to four alphabets, with snippets and arbitrary code points strewn in."""
    pool = rng.sample(ALPHABETS, rng.randint(1, 4))
    parts = []
    for _ in range(rng.choice([0, 1, 2, 5, 10, 20, 60])):
        kind = rng.random()
        if kind < 0.05:
            parts.append(rng.choice(SNIPPETS))
        elif kind < 0.08:
            code = rng.randrange(0x110000 - 0x800)
            parts.append(chr(code if code < 0xD800 else code + 0x800))
        else:
            parts.append(rng.choice(rng.choice(pool)))
    return "".join(parts)


@pytest.fixture(scope="session")
def random_texts() -> list[str]:
    rng = random.Random(7)
    return [random_text(rng) for _ in range(10_000)]


@pytest.fixture(scope="session")
def english() -> str:
    """About 120,000 characters of Python's own documentation."""
    return "\n".join(text for _, text in sorted(pydoc_data.topics.topics.items()))[:120_000]


@pytest.fixture(scope="session")
def mixed(english, random_texts) -> str:
    """Text to train on that holds every script above."""
    return english[:40_000] + "\n".join(random_texts[:2000])

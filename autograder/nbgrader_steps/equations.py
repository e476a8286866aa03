"""Equations as MathML, which browsers draw without MathJax and its network.

latex2mathml writes what it is given into its result unescaped, with any address, class or style. So its tree is written
again here: known elements and attributes, short lengths, every text escaped.
"""

import functools
import html
import re
from xml.etree.ElementTree import Element, tostring

from latex2mathml.converter import Converter

MOST_EQUATION = 2_000  # characters
_TAG = re.compile(
    "math|mrow|mi|mn|mo|ms|mtext|mspace|mstyle|mpadded|mphantom|mfrac|msqrt|mroot|msub|msup|msubsup|munder|mover"
    "|munderover|mmultiscripts|mprescripts|none|mtable|mtr|mtd|mlabeledtr|menclose|mfenced|merror"
)
_WORD = re.compile(
    "accent|accentunder|columnalign|columnlines|display|displaystyle|fence|form|linebreak|movablelimits|notation"
    "|mathvariant|rowlines|scriptlevel|separator|stretchy|symmetric|xmlns"
)
_OF_LENGTH = re.compile(
    "columnspacing|depth|height|linethickness|lspace|mathsize|maxsize|minsize|rowspacing|rspace|voffset|width"
)
_COLOURS = {"mathbackground", "mathcolor"}
_UPWARD = {"depth", "height", "voffset"}  # with them \\raise and \\smash would lay an equation over other lines
_LENGTH = re.compile(r"[-+]?\d?(?:\.\d+)?(?:em|ex|mu)?|[-+]?\d\d?(?:\.\d+)?(?:px|pt)|100%|[a-z]+mathspace")
_COLOUR = re.compile(r"[A-Za-z]+|#[0-9A-Fa-f]{3,8}")


@functools.lru_cache(4096)
def mathml(tex: str, display: str = "inline") -> str:
    """An equation as MathML; as it was written where that can't be done."""
    try:
        if len(tex) <= MOST_EQUATION:
            return tostring(_known(Converter(display=display).convert_to_element(tex)), encoding="unicode")
    except Exception:  # of many kinds, for what a person may have typed
        pass
    return f"<code>{html.escape(tex)}</code>"


def _known(element: Element) -> Element:
    made = Element(element.tag if _TAG.fullmatch(element.tag) else "mrow")
    made.attrib = {name: value for name, value in element.attrib.items() if _is_known(name, value)}
    if made.tag == "mpadded":
        made.attrib = {name: value for name, value in made.attrib.items() if name not in _UPWARD}
    made.text, made.tail = _text(element.text), _text(element.tail)
    made.extend(map(_known, element))
    return made


def _is_known(name: str, value: str) -> bool:
    if _OF_LENGTH.fullmatch(name):
        return all(_LENGTH.fullmatch(length) for length in value.split())
    return bool(_WORD.fullmatch(name) or (name in _COLOURS and _COLOUR.fullmatch(value)))


def _text(text: str | None) -> str | None:
    """latex2mathml writes its signs as character references."""
    return None if text is None else html.unescape(text)

"""What every tokenizer here has in common: ids and tokens, special tokens, encoding, decoding, files.

A tokenizer cuts the text into pieces (`splitting`), turns each piece into ids (its model: merges, longest match,
Viterbi, look-up), and remembers what each piece became: a corpus repeats its words, so that encoding it is mostly
one look-up a word. Pieces not seen before go through the model of the `tokenizers` library (Rust) where that is
installed, else through the same model in Python; the ids are equal.

Files are in the `tokenizers` library's JSON format and load there. Leaves out what that format also knows: normalizers,
post-processors, truncation, padding.
"""

import codecs
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import ClassVar, Self

from lecture_lib.tokenizers import tokenizer_json
from lecture_lib.tokenizers.specials import Specials

REMEMBERED_PIECES = 1 << 18  # about 50 MB; then the memory starts afresh
STRETCH = 1 << 16  # characters of a text in parts that are encoded together


class Tokenizer(ABC):
    """Text to ids and back.

    `vocab` maps a token to its id; `specials` names those with a role. `use_library` None takes the `tokenizers`
    library if it is there, False never does, True raises ImportError without it.
    """

    model_type: ClassVar[str]  # the library's name for the model, as files spell it
    library_pays: ClassVar[bool] = True  # False where the model is one look-up

    def __init__(self, vocab: Mapping[str, int], specials: Specials | None = None, use_library: bool | None = None):
        self.vocab = dict(vocab)
        self.specials = Specials() if specials is None else specials
        self.use_library = use_library
        self._tokens = _tokens_by_id(self.vocab)
        missing = [name for name in self.specials.names() if name not in self.vocab]
        if missing:
            raise ValueError(
                f"the special token {missing[0]!r} is not in the vocabulary; add it, or pass "
                "specials=Specials(...) with None for the roles that this vocabulary has no token for"
            )
        self._control = frozenset(self.vocab[name] for name in self.specials.control())
        self._forget()

    # Each tokenizer's own part.

    @abstractmethod
    def _split(self, text: str) -> list[str]:
        """The pieces that the model works on one by one."""

    @abstractmethod
    def _encode_piece(self, piece: str) -> list[int]:
        """The model, in Python."""

    @abstractmethod
    def _token_bytes(self, token: str, first: bool) -> bytes:
        """What a token adds to the decoded text, in UTF-8; `first` where nothing stands before it."""

    @abstractmethod
    def _json_parts(self) -> dict:
        """The `pre_tokenizer`, `decoder` and `model` of the file."""

    @staticmethod
    @abstractmethod
    def splits_like(pre_tokenizer: dict | None) -> bool:
        """Whether a file's pre-tokenizer cuts as this class does."""

    @classmethod
    @abstractmethod
    def _from_parts(cls, data: dict, specials: Specials) -> Self:
        """The tokenizer that `data`, a whole file's JSON, describes; ValueError where it cannot be one."""

    def _library_piece(self, piece: str) -> str:
        """The piece as the library's model sees it after its pre-tokenizer."""
        return piece

    # Encoding.

    def encode(self, text: str, *, bos: bool = False, eos: bool = False, allow_special: bool = False) -> list[int]:
        """The text's ids, with BOS before and EOS after on request.

        Text never turns into a special token by being spelled like one, unless `allow_special` says that the text
        is trusted. Raises TypeError unless `text` is a string, ValueError where it holds half a surrogate pair.
        """
        _check_text(text)
        ids = self._encode_trusted(text) if allow_special else self._encode_plain(text)
        if bos:
            ids.insert(0, self._role("bos"))
        if eos:
            ids.append(self._role("eos"))
        return ids

    def encode_batch(self, texts: Iterable[str], **options) -> list[list[int]]:
        """`encode` for each text, with the same options."""
        return [self.encode(text, **options) for text in texts]

    def encode_iterable(
        self, texts: Iterable[str], *, bos: bool = False, eos: bool = False, allow_special: bool = False
    ) -> Iterator[int]:
        """The ids, one by one, of a text that comes in parts: the lines of an open file that memory could not hold.

        They are those of `encode` for all parts joined, wherever the parts end. No more is held than 65,536 characters
        or twice the longest stretch without white space, whichever is more, and one part. Raises as `encode` does, for
        a part when it comes.
        """
        first, last = ([self._role(role)] if wanted else [] for role, wanted in (("bos", bos), ("eos", eos)))
        encode = self._encode_trusted if allow_special else self._encode_plain
        return chain(first, chain.from_iterable(map(encode, self._stretches(texts, allow_special))), last)

    def _stretches(self, texts: Iterable[str], allow_special: bool) -> Iterator[str]:
        """The parts joined, and cut anew where white space begins: there every splitter here cuts, whatever follows."""
        names = [name for name in self.specials.control() if allow_special and len(name.split()) > 1]
        held, length, enough = [], 0, STRETCH
        for text in texts:
            _check_text(text)
            held.append(text)
            length += len(text)
            if length >= enough:
                whole = "".join(held)
                cut = _last_cut(whole, names)
                yield whole[:cut]
                held, length = [whole[cut:]], len(whole) - cut
                enough = max(STRETCH, 2 * length)
        yield "".join(held)

    def tokens(self, text: str) -> list[str]:
        """The text's tokens as the vocabulary spells them."""
        return [self._tokens[i] or "" for i in self.encode(text)]

    def _encode_plain(self, text: str) -> list[int]:
        pieces = self._split(text)
        try:
            return list(chain.from_iterable(map(self._known.__getitem__, pieces)))
        except KeyError:
            if len(self._known) > REMEMBERED_PIECES:
                self._known.clear()
            self._learn(set(pieces).difference(self._known))
            return list(chain.from_iterable(map(self._known.__getitem__, pieces)))

    def _encode_trusted(self, text: str) -> list[int]:
        names = sorted(self.specials.control(), key=len, reverse=True)
        if not names:
            return self._encode_plain(text)
        ids = []
        # A capturing group makes `split` alternate plain text and special tokens.
        for place, part in enumerate(re.split(f"({'|'.join(map(re.escape, names))})", text)):
            ids += [self.vocab[part]] if place % 2 else self._encode_plain(part)
        return ids

    def _learn(self, pieces: set[str]) -> None:
        model = self._library_model()
        if model is None:
            self._known.update((piece, self._encode_piece(piece)) for piece in pieces)
        else:
            for piece in pieces:
                self._known[piece] = [token.id for token in model.tokenize(self._library_piece(piece))]

    def _library_model(self):
        """The library's form of the model, or None where the library is absent or not wanted."""
        if self.use_library is False or not self.library_pays:
            return None
        if self._library is None:
            library = _import_library(required=self.use_library is True)
            if library is None:
                return None
            self._library = library.Tokenizer.from_str(self.to_json())
        return self._library.model

    # Decoding.

    def decode(self, ids: Iterable[int], *, skip_special: bool = True, errors: str = "replace") -> str:
        """The text of the ids; special tokens other than UNK are left out unless `skip_special` is False.

        Ids may end within a character (byte-level tokens): `errors` is that of `bytes.decode`, "replace" (U+FFFD),
        "ignore" or "strict" (UnicodeDecodeError). Raises ValueError for an id outside the vocabulary, TypeError for
        what is not the ids of one text.
        """
        stream = IncrementalDecoder(self, skip_special=skip_special, errors=errors)
        try:
            ids = list(map(int, ids))
        except (TypeError, ValueError, RuntimeError):  # NumPy and torch differ in what they say of a row
            shape = f" of shape {tuple(each)}" if (each := getattr(ids, "shape", None)) is not None else ""
            raise TypeError(
                f"decode takes the ids of one text, it was given {type(ids).__name__}{shape}; for several: "
                "[tokenizer.decode(row) for row in rows]"
            ) from None
        return stream.push(*ids) + stream.finish()

    def incremental_decoder(self, *, skip_special: bool = True, errors: str = "replace") -> "IncrementalDecoder":
        """Decodes one id at a time, holding back half characters: for text that appears while it is generated."""
        return IncrementalDecoder(self, skip_special=skip_special, errors=errors)

    def token_bytes(self, token_id: int, first: bool = False) -> bytes:
        """The UTF-8 bytes that one id adds to the text; ValueError for an id outside the vocabulary."""
        token = self._tokens[token_id] if 0 <= token_id < len(self._tokens) else None
        if token is None:
            raise ValueError(f"id {token_id} is not in the vocabulary, whose ids are 0 to {len(self._tokens) - 1}")
        return token.encode() if token_id in self._control else self._token_bytes(token, first)

    # Ids and names.

    @property
    def vocab_size(self) -> int:
        """Highest id plus one: the rows an embedding table needs."""
        return len(self._tokens)

    @property
    def pad_id(self) -> int | None:
        return self._id_of(self.specials.pad)

    @property
    def unk_id(self) -> int | None:
        return self._id_of(self.specials.unk)

    @property
    def bos_id(self) -> int | None:
        return self._id_of(self.specials.bos)

    @property
    def eos_id(self) -> int | None:
        return self._id_of(self.specials.eos)

    def _id_of(self, name: str | None) -> int | None:
        return None if name is None else self.vocab.get(name)

    def _role(self, role: str) -> int:
        name = getattr(self.specials, role)
        if name is None:
            raise ValueError(f"this tokenizer has no {role.upper()} token; give it one with specials=Specials(...)")
        return self.vocab[name]

    def __len__(self) -> int:
        return self.vocab_size

    def __repr__(self) -> str:
        return f"{type(self).__name__}(vocab_size={self.vocab_size})"

    # Files.

    def to_json(self) -> str:
        """The tokenizer in the library's JSON format."""
        flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
        added = [{"id": self.vocab[name], "content": name, **flags} for name in self.specials.control()]
        head = {"version": "1.0", "truncation": None, "padding": None}
        head |= {"added_tokens": sorted(added, key=lambda token: token["id"]), "normalizer": None}
        parts = self._json_parts()
        body = {"pre_tokenizer": parts["pre_tokenizer"], "post_processor": None, "decoder": parts["decoder"]}
        return json.dumps(head | body | {"model": parts["model"]}, ensure_ascii=False)

    def save(self, path: str | Path) -> None:
        """Writes one JSON file that `load` and `tokenizers.Tokenizer.from_file` read.

        The format has no place for roles: names other than `tokenizer_json.ROLE_NAMES` are named again at `load`.
        """
        Path(path).write_text(self.to_json(), encoding="utf-8")

    @staticmethod
    def load(path: str | Path, specials: Specials | None = None) -> "Tokenizer":
        """The tokenizer in a JSON file, ours or the library's; `tokenizer_json.from_json` says what is understood."""
        return Tokenizer.from_json(Path(path).read_text(encoding="utf-8"), specials, str(path))

    @staticmethod
    def from_json(text: str, specials: Specials | None = None, name: str = "the file") -> "Tokenizer":
        """The tokenizer that the JSON describes; see `tokenizer_json.from_json`."""
        return tokenizer_json.from_json(text, _kinds(Tokenizer), specials, name)

    def _forget(self) -> None:
        self._known: dict[str, list[int]] = {}
        self._shown: dict[tuple[int, bool], bytes] = {}
        self._library = None

    def __getstate__(self) -> dict:
        # A copy in another process finds out for itself whether the library is there.
        return self.__dict__ | {"_known": {}, "_shown": {}, "_library": None}


def _kinds(parent: type) -> list[type]:
    """The classes of tokenizers that were imported, those that leave nothing abstract."""
    below = [each for child in parent.__subclasses__() for each in (child, *_kinds(child))]
    return [each for each in below if not each.__abstractmethods__]


class IncrementalDecoder:
    """Ids in, text out, as soon as it is certain: an unfinished UTF-8 sequence waits for its remaining bytes."""

    def __init__(self, tokenizer: Tokenizer, *, skip_special: bool = True, errors: str = "replace"):
        self._tokenizer = tokenizer
        self._skipped = tokenizer._control if skip_special else frozenset()
        self._utf8 = codecs.getincrementaldecoder("utf-8")(errors)
        self._first = True

    def push(self, *ids: int) -> str:
        """The text that these ids complete; "" while a character is unfinished."""
        spans_so_far = []
        shown = self._tokenizer._shown
        for token_id in map(int, ids):
            if token_id not in self._skipped:
                key = token_id, self._first
                if key not in shown:
                    shown[key] = self._tokenizer.token_bytes(*key)
                spans_so_far.append(shown[key])
                self._first = False
        return self._utf8.decode(b"".join(spans_so_far))

    def finish(self) -> str:
        """What is left at the end: U+FFFD for an unfinished character, as `errors` says. Then it starts afresh."""
        rest = self._utf8.decode(b"", final=True)
        self._utf8.reset()
        self._first = True
        return rest


def _tokens_by_id(vocab: dict[str, int]) -> list[str | None]:
    tokens: list[str | None] = [None] * (max(vocab.values(), default=-1) + 1)
    for token, token_id in vocab.items():
        if token_id < 0 or tokens[token_id] is not None:
            taken = "is negative" if token_id < 0 else f"belongs to {tokens[token_id]!r}"
            raise ValueError(
                f"{token!r} has the id {token_id}, which {taken}; give each token one of its own from 0 on"
            )
        tokens[token_id] = token
    return tokens


def _check_text(text: str) -> None:
    if not isinstance(text, str):
        raise TypeError(f"encode takes a string, it was given {type(text).__name__}; for several texts: encode_batch")
    try:
        text.isascii() or text.encode()
    except UnicodeEncodeError as error:
        code = ord(text[error.start])
        raise ValueError(
            f"the text holds U+{code:04X} at position {error.start}, half of a surrogate pair, which no Unicode text "
            'has; read the file with encoding="utf-8", or drop it with text.encode("utf-8", "ignore").decode()'
        ) from None


def _last_cut(text: str, names: list[str]) -> int:
    """The last place where white space begins, 0 if nowhere; none within one of `names`, begun or whole."""
    end = len(text) - max(map(len, names), default=0)
    inside = [match.span() for name in names for match in re.finditer(re.escape(name), text)]
    for place in range(end - 1, 0, -1):
        begins = text[place] in " \n\t\r" and not text[place - 1].isspace()
        if begins and not any(start < place < stop for start, stop in inside):
            return place
    return 0


def iterate_texts(texts: str | Iterable[str]) -> Iterable[str]:
    """One text or many, as training takes them; each is checked."""
    for text in [texts] if isinstance(texts, str) else texts:
        _check_text(text)
        yield text


def check_specials(specials: Specials, split) -> None:
    """ValueError where a special token could also come out of ordinary text."""
    for name in specials.names():
        if split(name) == [name]:
            raise ValueError(
                f"the special token {name!r} looks like a word of the text, which could then not be told from it; "
                f"write it with signs, such as '<{name}>'"
            )


def _import_library(required: bool):
    # This package carries the library's name, and so does the lesson on tokenizers: a kernel that runs in the lesson's
    # folder would find that file first, so it is looked at before it is imported, which would run the whole lesson.
    from importlib.util import find_spec

    spec = find_spec("tokenizers")
    if spec is None or spec.submodule_search_locations is not None:
        try:
            import tokenizers
        except ImportError:
            if required:
                raise
            return None
        if hasattr(tokenizers, "pre_tokenizers"):
            return tokenizers
    if required:
        origin = spec.origin if spec else None
        raise ImportError(f"`import tokenizers` found {origin}, not the library; do not run from its folder")
    return None

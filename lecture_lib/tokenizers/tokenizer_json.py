"""Reading the `tokenizers` library's JSON files (Hugging Face's `tokenizer.json`) into the tokenizers of this package.

Understood: what `Tokenizer.save` writes, and byte-level BPE as GPT-2 and SmolLM2 have it. Anything that would encode
differently here (a normalizer, another splitter, BPE with a prefix) is refused in one line, not approximated.
"""

import json
from collections.abc import Sequence

from lecture_lib.tokenizers.specials import Specials

# Roles are not in the format; these names are taken to have them, the first that is there.
ROLE_NAMES = {
    "pad": ("<pad>", "[PAD]"),
    "bos": ("<bos>", "<s>", "<|im_start|>", "<|endoftext|>"),
    "eos": ("<eos>", "</s>", "<|im_end|>", "<|endoftext|>"),
}


def from_json(text: str, kinds: Sequence[type], specials: Specials | None = None, name: str = "the file"):
    """The tokenizer that the JSON describes, of one of `kinds`. `specials` overrides what `ROLE_NAMES` gives.

    Raises ValueError with the file's name, what it holds and what would be understood.
    """
    try:
        data = json.loads(text)
        model_type = data["model"]["type"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(
            f"{name} is not in the tokenizers JSON format: it should hold an object with a model"
        ) from None
    refused = [f"a {key}" for key in ("normalizer",) if data.get(key) is not None]
    refused += [
        f"the added token {token['content']!r} that is not special or has matching rules"
        for token in data.get("added_tokens", ())
        if not token.get("special") or any(token.get(rule) for rule in ("single_word", "lstrip", "rstrip"))
    ]
    if refused:
        raise ValueError(f"{name} has {refused[0]}, which is not supported here; use tokenizers.Tokenizer.from_file")
    for token in data.get("added_tokens", ()):
        _add(data["model"], token)
    for kind in kinds:
        if kind.model_type == model_type and kind.splits_like(data.get("pre_tokenizer")):
            try:
                return _checked(kind._from_parts(data, specials or _guess_specials(data)), data)
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{name} cannot be read as {kind.__name__}: {error}") from error
    known = ", ".join(f"{kind.__name__} ({kind.model_type})" for kind in kinds)
    raise ValueError(
        f"{name} holds a {model_type} model with the pre-tokenizer {json.dumps(data.get('pre_tokenizer'))}; "
        f"supported are, each with its own pre-tokenizer, {known}"
    )


def _checked(tokenizer, data: dict):
    ours, theirs = tokenizer._json_parts()["decoder"], data.get("decoder")
    alike = theirs == ours or (isinstance(theirs, dict) and theirs.get("type") == ours["type"] == "ByteLevel")
    if not alike:
        raise ValueError(f"its decoder is {json.dumps(theirs)}, not {json.dumps(ours)}")
    return tokenizer


def _add(model: dict, token: dict) -> None:
    """Puts an added token into the model's vocabulary, where the file gives it an id of its own."""
    vocab = model.get("vocab")
    if isinstance(vocab, dict):
        vocab.setdefault(token["content"], token["id"])


def _guess_specials(data: dict) -> Specials:
    vocab = data["model"]["vocab"]
    added = [token["content"] for token in data.get("added_tokens", ())]
    roles = {role: next((name for name in names if name in added), None) for role, names in ROLE_NAMES.items()}
    # UNK is the one role that the format knows.
    unk_id = data["model"].get("unk_id")
    roles["unk"] = data["model"].get("unk_token") if unk_id is None else vocab[unk_id][0]
    others = tuple(name for name in added if name not in roles.values())
    return Specials(**roles, others=others)

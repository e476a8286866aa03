"""The tokenizer that a GGUF file carries, as a `ByteBPE`; and the form in which SmolLM2 was taught to chat.

SmolLM2 cuts every digit on its own before it cuts as GPT-2 does. 21 of the 256 bytes have no token in its vocabulary
(six control characters, and bytes that rarely or never begin a character in UTF-8): they are left out without a word,
as by its own tokenizer (https://github.com/huggingface/smollm/issues/81), so that a text with them does not come back.
"""

from collections.abc import Sequence

from lecture_lib.pretrained.gguf_file import GGUFError, GGUFFile
from lecture_lib.tokenizers import ByteBPE, Specials, Tokenizer

DIGITS_ALONE = {"gpt-2": False, "smollm": True}  # by the name that a file gives its way of cutting
CONTROL = 3  # the type of tokens that are no text
SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"


def gguf_tokenizer(file: GGUFFile) -> ByteBPE:
    """The tokenizer of a file; GGUFError where it isn't byte-level BPE that cuts in a known way."""
    data = {key.removeprefix("tokenizer.ggml."): value for key, value in file.metadata.items()}
    kind, cut = data.get("model"), data.get("pre", "gpt-2")
    if kind != "gpt2" or cut not in DIGITS_ALONE:
        raise GGUFError(
            f"{file.path} has a tokenizer of type {kind!r} that cuts as {cut!r}; "
            f"known is type 'gpt2' that cuts as {' or '.join(map(repr, DIGITS_ALONE))}"
        )
    if missing := [key for key in ("tokens", "merges") if key not in data]:
        raise GGUFError(f"{file.path} does not say tokenizer.ggml.{missing[0]}; its tokenizer is not whole")
    tokens = data["tokens"]
    control = [token for token, type_ in zip(tokens, data.get("token_type", ())) if type_ == CONTROL]

    def role(name: str) -> str | None:
        return tokens[data[f"{name}_token_id"]] if f"{name}_token_id" in data else None

    specials = Specials(pad=role("padding"), unk=None, bos=role("bos"), eos=role("eos"), others=tuple(control))
    vocab = {token: token_id for token_id, token in enumerate(tokens)}
    merges = [tuple(merge.split(" ")) for merge in data["merges"]]
    return ByteBPE(vocab, merges, specials, individual_digits=DIGITS_ALONE[cut])


def chat_ids(tokenizer: Tokenizer, turns: str | Sequence[tuple[str, str]], system: str | None = SYSTEM) -> list[int]:
    """A conversation as ids, up to where the assistant is to answer (the form ChatML, that of SmolLM2-Instruct).

    turns: one question, or pairs (role, text) with the roles "user", "assistant" and, first, "system"; `system` is
    said first where no turn says it. The texts are taken as text: nothing in them can end a turn.
    """
    turns = list([("user", turns)] if isinstance(turns, str) else turns)
    if system is not None and (not turns or turns[0][0] != "system"):
        turns.insert(0, ("system", system))
    names = tokenizer.vocab
    if not {"<|im_start|>", "<|im_end|>"} <= names.keys():
        raise ValueError("this tokenizer has no <|im_start|> and <|im_end|>; its model was not taught to chat this way")
    ids = []
    for role, text in turns:
        ids += [
            names["<|im_start|>"],
            *tokenizer.encode(f"{role}\n{text}"),
            names["<|im_end|>"],
            *tokenizer.encode("\n"),
        ]
    return [*ids, names["<|im_start|>"], *tokenizer.encode("assistant\n")]

"""Tokenizers: text to ids and back.

`WordTokenizer`, `CharTokenizer`, `ByteBPE`, `WordPiece` and `Unigram` share one interface (`Tokenizer`): `train`,
`encode`, `decode`, `tokens`, `vocab_size`, `save`, `load`. Pure Python; the `tokenizers` library makes encoding of new
words faster where it is installed, and reads and writes the same files.

    tokenizer = ByteBPE.train(text, vocab_size=1024)
    ids = tokenizer.encode("a narwhal", bos=True)
    tokenizer.decode(ids)                         # "a narwhal"
    tokenizer.save("narwhal.json")                # tokenizers.Tokenizer.from_file reads it
"""

from lecture_lib.tokenizers.base import IncrementalDecoder, Specials, Tokenizer
from lecture_lib.tokenizers.bpe import ByteBPE, training_trace
from lecture_lib.tokenizers.simple import CharTokenizer, WordTokenizer
from lecture_lib.tokenizers.unigram import Unigram
from lecture_lib.tokenizers.wordpiece import WordPiece

__all__ = [
    "ByteBPE",
    "CharTokenizer",
    "IncrementalDecoder",
    "Specials",
    "Tokenizer",
    "Unigram",
    "WordPiece",
    "WordTokenizer",
    "training_trace",
]

"""Wrong answers that students give in unit 07_tokenizers, each with the hint that it earns."""

import math
from collections import Counter
from itertools import pairwise

from lecture_lib.mywork import saved_work
from lecture_lib.checking.bank import misconception, wrong_choice

my = saved_work("07_tokenizers")


# --- word_tokenize


splits_at_spaces = misconception(
    "word_tokenize",
    "Signs stick to your words: a word with a full stop behind it is another token than the word alone. What, "
    "besides white space, ends a word?",
    change=('re.findall(r"\\w+(?:\'\\w+)*|[^\\w\\s]", text)', "text.split()"),
)


drops_the_signs = misconception(
    "word_tokenize",
    "Your words are there, the signs are gone. How would a model learn where a sentence ends?",
    change=("|[^\\w\\s]", ""),
)


breaks_at_apostrophes = misconception(
    "word_tokenize",
    "Your words break at every apostrophe: isn't comes in three tokens. When does an apostrophe belong to a word?",
    change=("(?:'\\w+)*", ""),
)


takes_every_apostrophe = misconception(
    "word_tokenize",
    "Your words keep apostrophes at their edges, such as an opening quotation mark. What has to be on both "
    "sides of an apostrophe inside a word?",
    change=("\\w+(?:'\\w+)*", "[\\w']+"),
)


one_apostrophe_a_word = misconception(
    "word_tokenize",
    "Words with one apostrophe are right, rock'n'roll falls apart. How often may an apostrophe with letters behind it "
    "follow?",
    change=("(?:'\\w+)*|[^\\w\\s]", "(?:'\\w+)?|[^\\w\\s]"),
)


knows_some_signs_only = misconception(
    "word_tokenize",
    "Your list of signs is too short: rarer ones vanish. Rather than naming signs, can you say what is none?",
    change=('[^\\w\\s]"', '[.,!?;:()\\"\']"'),
)


glues_signs = misconception(
    "word_tokenize",
    "Several signs in a row come out as one token of yours. Is ?! one sign or two?",
    change=('(r"\\w+(?:\'\\w+)*|[^\\w\\s]", text)', '(r"\\w+(?:\'\\w+)*|[^\\w\\s]+", text)'),
)


lowers_everything = misconception(
    "word_tokenize",
    "Your tokens have lost their capitals. Does the docstring ask for that?",
    change=('(r"\\w+(?:\'\\w+)*|[^\\w\\s]", text)', '(r"\\w+(?:\'\\w+)*|[^\\w\\s]", text.lower())'),
)


knows_ascii_letters_only = misconception(
    "word_tokenize",
    "Words with accents fall apart, and digits too. Which characters are letters besides a to z?",
    change=("r\"\\w+(?:'\\w+)*|[^\\w\\s]", "r\"[A-Za-z]+(?:'[A-Za-z]+)*|[^A-Za-z\\s]"),
)


keeps_white_space = misconception(
    "word_tokenize",
    "There is white space among your tokens. The docstring says what becomes of it: is it a sign?",
    change=('[^\\w\\s]"', '\\W"'),
)


# --- char_tokenize


drops_white_space = misconception(
    "char_tokenize",
    "Your tokens joined are not the text: white space is missing. Can a reader do without it?",
    change=("list(text)", "[character for character in text if not character.isspace()]"),
)


takes_bytes_for_characters = misconception(
    "char_tokenize",
    "Plain letters are right; others come in several tokens, none of which is theirs. Did you cut the text, or "
    "its bytes?",
    change=("list(text)", "[chr(byte) for byte in text.encode()]"),
)


lists_the_types = misconception(
    "char_tokenize",
    "Each of your characters comes once only. Is that the text, or the list of its types?",
    change=("list(text)", "list(dict.fromkeys(text))"),
)


gives_code_points = misconception(
    "char_tokenize",
    "Your tokens are numbers. Those are for the vocabulary to give: what does the docstring ask for here?",
    change=("list(text)", "[ord(character) for character in text]"),
)


lowers_characters = misconception(
    "char_tokenize",
    "Your tokens have changed on the way: capitals are gone. Is a and A the same character?",
    change=("list(text)", "list(text.lower())"),
)


# --- Vocabulary


UnknownIsPad = misconception(
    "Vocabulary",
    "Your unknown words turn into padding: their id is 0. Which of the four specials represents them?",
    change=[
        (
            "ordered = sorted(counts, key=lambda token: (-counts[token], token))\nself.tokens = [*specials, *ordered]",
            "self.tokens = [*specials, *sorted(counts, key=lambda token: (-counts[token], token))]",
        ),
        ("(token, 1) for token", "(token, 0) for token"),
    ],
)


@misconception(
    "Vocabulary",
    "Your specials have the last ids instead of 0 to 3. Who has to know the id of PAD before any text was read?",
)
class SpecialsLast:
    def __init__(self, tokens, specials=("<pad>", "<unk>", "<bos>", "<eos>")):
        counts = Counter(token for token in tokens if token not in specials)
        self.tokens = [*sorted(counts, key=lambda token: (-counts[token], token)), *specials]
        self.ids = {token: i for i, token in enumerate(self.tokens)}
        self.pad, self.unk, self.bos, self.eos = (self.ids[name] for name in specials)

    def __len__(self):
        return len(self.tokens)

    def encode(self, tokens):
        return [self.bos, *(self.ids.get(token, self.unk) for token in tokens), self.eos]

    def decode(self, ids):
        return [self.tokens[i] for i in ids if i not in (self.pad, self.bos, self.eos)]


AlphabeticalIds = misconception(
    "Vocabulary",
    "Your ids are in alphabetical order. That is the rule for ties: what comes before it?",
    change=(
        "counts = Counter(token for token in tokens if token not in specials)\n"
        "ordered = sorted(counts, key=lambda token: (-counts[token], token))\n"
        "self.tokens = [*specials, *ordered]",
        "self.tokens = [*specials, *sorted(set(tokens) - set(specials))]",
    ),
)


TiesByAppearance = misconception(
    "Vocabulary",
    "Among equally frequent tokens your order is that of their first appearance. The same words in another order "
    "would then give other ids: which rule does the docstring fix?",
    change=(
        "ordered = sorted(counts, key=lambda token: (-counts[token], token))\nself.tokens = [*specials, *ordered]",
        "self.tokens = [*specials, *(token for token, _ in counts.most_common())]",
    ),
)


TiesReversed = misconception(
    "Vocabulary",
    "Among equally frequent tokens yours go from z to a. `reverse=True` turns both orders round, the counts and the "
    "tokens: which of the two should be turned?",
    change=(
        "(counts, key=lambda token: (-counts[token], token))",
        "(counts, key=lambda token: (counts[token], token), reverse=True)",
    ),
)


@misconception(
    "Vocabulary",
    "Your vocabulary grows while it encodes. A model has a fixed number of rows in its embedding table: what "
    "should a word get that comes too late?",
)
class KeepsLearning:
    def __init__(self, tokens, specials=("<pad>", "<unk>", "<bos>", "<eos>")):
        counts = Counter(token for token in tokens if token not in specials)
        self.tokens = [*specials, *sorted(counts, key=lambda token: (-counts[token], token))]
        self.ids = {token: i for i, token in enumerate(self.tokens)}

    def __len__(self):
        return len(self.tokens)

    def encode(self, tokens):
        for token in tokens:
            if token not in self.ids:
                self.ids[token] = len(self.tokens)
                self.tokens.append(token)
        return [2, *(self.ids[token] for token in tokens), 3]

    def decode(self, ids):
        return [self.tokens[i] for i in ids if i not in (0, 2, 3)]


NoMarks = misconception(
    "Vocabulary",
    "Your encoded text has neither beginning nor end. Which two ids should be around it?",
    change=[
        (
            "ordered = sorted(counts, key=lambda token: (-counts[token], token))\nself.tokens = [*specials, *ordered]",
            "self.tokens = [*specials, *sorted(counts, key=lambda token: (-counts[token], token))]",
        ),
        ("2, *(self.ids.get(token, 1) for token in tokens), 3", "self.ids.get(token, 1) for token in tokens"),
    ],
)


ShowsTheMarks = misconception(
    "Vocabulary",
    "Your decoded text still shows marks and padding. Which ids are no text?",
    change=[
        (
            "ordered = sorted(counts, key=lambda token: (-counts[token], token))\nself.tokens = [*specials, *ordered]",
            "self.tokens = [*specials, *sorted(counts, key=lambda token: (-counts[token], token))]",
        ),
        ("ids if i not in (0, 2, 3)", "ids"),
    ],
)


HidesTheUnknown = misconception(
    "Vocabulary",
    "Decoding, you swallow unknown words too. A gap that nobody sees is worse than a visible one: what should be "
    "there?",
    change=[
        (
            "ordered = sorted(counts, key=lambda token: (-counts[token], token))\nself.tokens = [*specials, *ordered]",
            "self.tokens = [*specials, *sorted(counts, key=lambda token: (-counts[token], token))]",
        ),
        ("not in (0, 2, 3)", "> 3"),
    ],
)


SpecialsTwice = misconception(
    "Vocabulary",
    "A special that occurs in the training text has two ids in your vocabulary. How many ids may one token have?",
    change=(
        "counts = Counter(token for token in tokens if token not in specials)\n"
        "ordered = sorted(counts, key=lambda token: (-counts[token], token))\n"
        "self.tokens = [*specials, *ordered]",
        "counts = Counter(tokens)\n"
        "self.tokens = [*specials, *sorted(counts, key=lambda token: (-counts[token], token))]",
    ),
)


# --- polls

cost_linear = wrong_choice(
    "attention_cost",
    "A",
    "You count tokens. Scores are given to pairs: how many pairs do 2 tokens make, and how many do 4?",
    name="grows_with_the_length",
)
cost_same = wrong_choice(
    "attention_cost",
    "C",
    "You count what is said; attention counts tokens. How many rows has the matrix of scores in either case?",
    name="same_text_same_cost",
)
cost_difference = wrong_choice(
    "attention_cost",
    "D",
    "You subtracted the lengths. The question asks for how many times as many: which operation is that, and on "
    "which two numbers of scores?",
    name="difference_of_lengths",
)
order_longest = wrong_choice(
    "merge_order",
    "A",
    "You took the longest token that there is. To get there, the pair th, e has to be side by side: does it "
    "ever, if the first merge of the list goes first?",
    name="longest_token",
)
order_left = wrong_choice(
    "merge_order",
    "C",
    "You merged what came first in the word. What decides between two pairs: their place in the word, or their "
    "place in the list of merges?",
    name="leftmost_pair",
)
order_none = wrong_choice(
    "merge_order",
    "D",
    "You left single letters. Is there no pair of neighbours here that is in the list?",
    name="no_merge_at_all",
)
fair_lower = wrong_choice(
    "fair_comparison",
    "A",
    "You compared 3 with 60. The one is the price of a letter, the other that of a word: how many letters does "
    "the second model have to guess for one word of the first?",
    name="lower_perplexity_wins",
)
fair_equal = wrong_choice(
    "fair_comparison",
    "C",
    "You estimated with four letters a word. How many bytes does the question give, and what belongs to a word "
    "besides its letters?",
    name="four_letters_a_word",
)
fair_never = wrong_choice(
    "fair_comparison",
    "D",
    "You say that they can't be compared. Token by token, no; but is there something that both models wrote in "
    "full, and that has a length?",
    name="not_comparable",
)


# --- pre_tokenize


loses_the_spaces = misconception(
    "pre_tokenize",
    "Your pieces joined are the text without its spaces. A decoder could never put them back: with which piece "
    "should a space travel?",
    change=('" ?\\w+| ?[^\\w\\s]+|\\s', '"\\w+|[^\\w\\s]'),
)


spaces_alone = misconception(
    "pre_tokenize",
    "Nothing is lost, but every space is a piece of its own. Which piece does a single space belong to?",
    change=('return re.findall(r" ?\\w+| ?[^\\w\\s]+|\\s+", text)', 'return re.findall(r"\\w+|[^\\w\\s]+|\\s+", text)'),
)


space_behind = misconception(
    "pre_tokenize",
    "Your spaces hang on the word before them. In a sentence, would the first word then be another token than the "
    "same word at the end?",
    change=('" ?\\w+| ?[^\\w\\s]+', '"\\w+ ?|[^\\w\\s]+ ?'),
)


signs_stick_to_words = misconception(
    "pre_tokenize",
    "Signs stick to your words, so that each word would be learned again with every sign that may follow. Which "
    "two kinds of characters should a piece not mix?",
    change=("w+| ?[^\\w\\s]", "S"),
)


any_white_space_in_front = misconception(
    "pre_tokenize",
    "Your words take line ends and tabs with them. What exactly may come before a word in its piece?",
    change=('" ?\\w+| ?', '"\\s?\\w+|\\s?'),
)


digits_apart = misconception(
    "pre_tokenize",
    "Your pieces cut words where a digit begins, as GPT-2 does. In our rule, which kinds of characters share a run?",
    change=('" ?\\w+| ?', '" ?[^\\W\\d]+| ?\\d+| ?'),
)


signs_one_by_one = misconception(
    "pre_tokenize",
    "Signs in a row come one by one. Read the second kind of piece again: how long is a run?",
    change=('[^\\w\\s]+|\\s+", text', '[^\\w\\s]|\\s+", text'),
)


# --- count_pairs


@misconception(
    "count_pairs",
    "You count each distinct word once. If it was read nine times, how often were its pairs read?",
)
def counts_types(words):
    return Counter(pair for word in words for pair in pairwise(word))


misses_the_last_pair = misconception(
    "count_pairs",
    "The last pair of every word is missing. How many pairs has a word of two ids?",
    change=(
        "for pair in pairwise(word):\n    counts[pair] += times",
        "for i in range(len(word) - 2):\n    counts[word[i], word[i + 1]] += times",
    ),
)


once_in_a_word = misconception(
    "count_pairs",
    "You count a pair that occurs twice in one word only once. Where do repeated pairs get lost?",
    change=("pairwise(word)", "set(pairwise(word))"),
)


@misconception(
    "count_pairs",
    "You join the words first: the end of one and the beginning of the next make pairs that nobody wrote. Where "
    "may a pair not reach?",
)
def across_words(words):
    counts = Counter()
    everything = [i for word, times in words.items() for i in word * times]
    for pair in pairwise(everything):
        counts[pair] += 1
    return counts


forgets_the_order = misconception(
    "count_pairs",
    "A pair and its reverse share one count. Is th the same as ht?",
    change=("counts[pair] +", "counts[tuple(sorted(pair))] +"),
)


@misconception(
    "count_pairs",
    "In aaa you count one pair. The docstring counts all neighbours, also those that overlap: how many are there?",
)
def without_overlaps(words):
    counts = Counter()
    for word, times in words.items():
        i, previous = 0, None
        while i < len(word) - 1:
            pair = (word[i], word[i + 1])
            if pair == previous and pair[0] == pair[1]:
                previous = None
            else:
                counts[pair] += times
                previous = pair
            i += 1
    return counts


# --- merge_pair


@misconception(
    "merge_pair",
    "Only the first occurrence is merged. What about the others?",
)
def merges_once(ids, pair, new_id):
    for i in range(len(ids) - 1):
        if ids[i : i + 2] == pair:
            return (*ids[:i], new_id, *ids[i + 2 :])
    return ids


@misconception(
    "merge_pair",
    "In aaa your middle letter is used twice, once in each of two merges. By how many places do you move on after "
    "a merge?",
)
def uses_a_token_twice(ids, pair, new_id):
    merged, used = [], False
    for i in range(len(ids)):
        if ids[i : i + 2] == pair:
            merged.append(new_id)
            used = True
        else:
            if not used:
                merged.append(ids[i])
            used = False
    return tuple(merged)


@misconception(
    "merge_pair",
    "In a run of one letter the odd one is left at the front. From which side does the docstring go?",
)
def from_the_right(ids, pair, new_id):
    merged, i = [], len(ids)
    while i > 0:
        if i > 1 and ids[i - 2 : i] == pair:
            merged.insert(0, new_id)
            i -= 2
        else:
            merged.insert(0, ids[i - 1])
            i -= 1
    return tuple(merged)


@misconception(
    "merge_pair",
    "Right with letters, wrong with ids such as 5 and 51: in writing, one number begins or ends like another. What do "
    "you compare if you don't turn ids into text?",
)
def replaces_in_writing(ids, pair, new_id):
    written = " ".join(map(str, ids)).replace(f"{pair[0]} {pair[1]}", str(new_id))
    return tuple(int(number) for number in written.split())


gives_a_list = misconception(
    "merge_pair",
    "Your result is a list. It is to be the key of a dictionary: can a list be one?",
    change=("tuple(merged)", "merged"),
)


loses_the_last = misconception(
    "merge_pair",
    "The last id of a word gets lost unless it was merged. Where does your loop end, and what is left then?",
    change=("len(ids):", "len(ids) - 1:"),
)


@misconception(
    "merge_pair",
    "The new id is there, and so is the second half of the pair that it replaces. Which place do you look at after a "
    "merge?",
)
def keeps_the_second_half(ids, pair, new_id):
    return tuple(new_id if ids[i : i + 2] == pair else ids[i] for i in range(len(ids)))


either_way_round = misconception(
    "merge_pair",
    "You also merge the pair when it is the other way round. Is that the same pair?",
    change=("== pair:", "in (pair, pair[::-1]):"),
)


# --- train_bpe


@misconception(
    "train_bpe",
    "Where two pairs tie, you take the one that the text happens to show first. The docstring fixes another rule: "
    "what is compared if the counts are equal?",
)
def ties_by_appearance(text, vocab_size):
    words = Counter(tuple(piece.encode()) for piece in my.pre_tokenize(text))
    vocab, merges = [bytes([byte]) for byte in range(256)], []
    while len(vocab) < vocab_size:
        counts = Counter()
        for word, times in words.items():
            for pair in pairwise(word):
                counts[pair] += times
        if max(counts.values(), default=0) < 2:
            break
        pair = max(counts, key=counts.get)
        words = {my.merge_pair(word, pair, len(vocab)): times for word, times in words.items()}
        vocab.append(vocab[pair[0]] + vocab[pair[1]])
        merges.append(pair)
    return vocab, merges


ties_by_the_larger = misconception(
    "train_bpe",
    "Where two pairs tie, yours is the larger. max compares the pair in the same direction as its count: which of "
    "the two should be small?",
    change=(
        "pair = min(counts, key=lambda pair: (-counts[pair], pair))",
        "pair = max(counts, key=lambda pair: (counts[pair], pair))",
    ),
)


merges_across_words = misconception(
    "train_bpe",
    "Some tokens of yours hold the end of one word and the beginning of the next. What has to happen to the text "
    "before any pair is counted?",
    change=("Counter(tuple(piece.encode()) for piece in my.pre_tokenize(text))", "{tuple(text.encode()): 1}"),
)


starts_from_code_points = misconception(
    "train_bpe",
    "All is well until there are accents: your ids of those letters are single numbers. What does a text consist "
    "of before the first merge?",
    change=("piece.encode()", "map(ord, piece)"),
)


forgets_how_often = misconception(
    "train_bpe",
    "A word that was read nine times weighs no more with you than one read once. Where did the numbers of times go?",
    change=(
        "Counter(tuple(piece.encode()) for piece in my.pre_tokenize(text))",
        "{tuple(piece.encode()): 1 for piece in my.pre_tokenize(text)}",
    ),
)


goes_on_to_the_end = misconception(
    "train_bpe",
    "You keep merging when every pair occurs once, until whole words are tokens. What does the docstring say "
    "about the end?",
    change=("max(counts.values(), default=0) < 2", "not counts"),
)


as_many_merges_as_tokens = misconception(
    "train_bpe",
    "Your vocabulary has far more tokens than were asked for: vocab_size merges, plus the bytes. What does "
    "the size count?",
    change=("len(vocab) <", "len(merges) <"),
)


@misconception(
    "train_bpe",
    "All of your merges are pairs of bytes, none builds on an earlier one. After a merge, are the counts still true?",
)
def counts_only_once(text, vocab_size):
    words = Counter(tuple(piece.encode()) for piece in my.pre_tokenize(text))
    vocab = [bytes([byte]) for byte in range(256)]
    counts = my.count_pairs(words)
    merges = sorted((pair for pair in counts if counts[pair] > 1), key=lambda pair: (-counts[pair], pair))
    merges = merges[: max(0, vocab_size - 256)]
    return vocab + [vocab[left] + vocab[right] for left, right in merges], merges


# --- bpe_encode


@misconception(
    "bpe_encode",
    "You take the longest token that fits. Some of your tokens can't be reached in the order of the merges: which "
    "pair has the lowest rank at the start?",
)
def longest_token_first(text, merges):
    spelled = {bytes([byte]): byte for byte in range(256)}
    vocab = [bytes([byte]) for byte in range(256)]
    for left, right in merges:
        vocab.append(vocab[left] + vocab[right])
        spelled.setdefault(vocab[-1], len(vocab) - 1)
    ids = []
    for piece in my.pre_tokenize(text):
        word, start = piece.encode(), 0
        while start < len(word):
            end = next(end for end in range(len(word), start, -1) if word[start:end] in spelled)
            ids.append(spelled[word[start:end]])
            start = end
    return ids


leftmost_pair_first = misconception(
    "bpe_encode",
    "You merge the first pair of the word that has a rank. Two pairs may have one: which of them goes first?",
    change=(
        "pair = min(known, key=rank.get)\nword = my.merge_pair(word, pair, 256 + rank[pair])",
        "word = my.merge_pair(word, known[0], 256 + rank[known[0]])",
    ),
)


highest_rank_first = misconception(
    "bpe_encode",
    "You start with what was learned last. In which order did training merge?",
    change=("pair = min(known, key=rank.get)", "pair = max(known, key=rank.get)"),
)


@misconception(
    "bpe_encode",
    "Tokens of yours reach over the border of two pieces. Which function keeps merges inside words?",
)
def encodes_across_borders(text, merges):
    word = tuple(text.encode())
    for place, pair in enumerate(merges):
        word = my.merge_pair(word, pair, 256 + place) if word else word
    return list(word)


encodes_code_points = misconception(
    "bpe_encode",
    "Accented letters come out as single numbers, some of which are ids of other bytes. From what does each "
    "piece start?",
    change=("piece.encode()", "map(ord, piece)"),
)


one_merge_a_piece = misconception(
    "bpe_encode",
    "In each piece you stop after one merge. Are there no neighbours left that have a rank?",
    change=(
        "while known := [pair for pair in pairwise(word) if pair in rank]:",
        "known = [pair for pair in pairwise(word) if pair in rank]\nif known:",
    ),
)


a_list_for_each_piece = misconception(
    "bpe_encode",
    "You give a list for each piece. What does a model read: a list of lists, or one row of ids?",
    change=("extend(word)", "append(list(word))"),
)


# --- bpe_decode


decodes_token_by_token = misconception(
    "bpe_decode",
    "A letter that is spread over two tokens comes out as two �. You read each token by itself: when are its "
    "bytes complete?",
    change=(
        'b"".join(vocab[i] for i in ids).decode(errors="replace")',
        '"".join(vocab[i].decode(errors="replace") for i in ids)',
    ),
)


@misconception(
    "bpe_decode",
    "You crash on half a letter. A model may stop anywhere, or write nonsense: what should the reader see then?",
)
def crashes_on_half_letters(ids, vocab):
    return b"".join(vocab[i] for i in ids).decode()


ignores_half_letters = misconception(
    "bpe_decode",
    "Half a letter vanishes without a trace. How would a reader know that something is missing?",
    change=('replace"', 'ignore"'),
)


ignores_what_each_token_lacks = misconception(
    "bpe_decode",
    "A letter that is spread over two tokens is missing from your text, though all of its bytes are there. What does "
    "each token hold of it, seen alone?",
    change=(
        'b"".join(vocab[i] for i in ids).decode(errors="replace")',
        '"".join(vocab[i].decode(errors="ignore") for i in ids)',
    ),
)


one_character_a_byte = misconception(
    "bpe_decode",
    "Every byte becomes a character of its own, so that accented letters come out as two odd ones. How many bytes "
    "has é in UTF-8?",
    change=(
        'b"".join(vocab[i] for i in ids).decode(errors="replace")',
        '"".join(chr(byte) for i in ids for byte in vocab[i])',
    ),
)


joins_with_spaces = misconception(
    "bpe_decode",
    "You put spaces between the tokens. Where do the spaces of the text come from?",
    change=('b"".join', 'b" ".join'),
)


stops_at_the_bytes = misconception(
    "bpe_decode",
    "What you return is bytes, not a string. One step is left: which?",
    change=('.decode(errors="replace")', ""),
)


# --- wordpiece_encode


@misconception(
    "wordpiece_encode",
    "Your longest pieces are at the end of the word. At which end does WordPiece begin?",
)
def longest_from_the_right(word, vocab):
    pieces, end = [], len(word)
    while end > 0:
        for start in range(end):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocab:
                break
        else:
            return ["<unk>"]
        pieces.insert(0, piece)
        end = start
    return pieces


shortest_first = misconception(
    "wordpiece_encode",
    "You take the shortest piece that fits. Which end of the range should be tried first?",
    change=("len(word), start, -", "start + 1, len(word) + "),
)


@misconception(
    "wordpiece_encode",
    "Within a word you use pieces that are known only as beginnings. How does the vocabulary write a piece that "
    "goes on?",
)
def looks_up_without_the_mark(word, vocab):
    pieces, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            if word[start:end] in vocab:
                break
        else:
            return ["<unk>"]
        pieces.append(("##" if start else "") + word[start:end])
        start = end
    return pieces


leaves_the_mark_out = misconception(
    "wordpiece_encode",
    "Your cut is right, the marks are missing. How could a decoder tell a beginning from a continuation?",
    change=("pieces.append(mark + word[start:end])", "pieces.append(word[start:end])"),
)


@misconception(
    "wordpiece_encode",
    "One unknown letter, and you continue after it. What does the rule say about the rest of such a word?",
)
def unknown_letter_by_letter(word, vocab):
    pieces, start = [], 0
    while start < len(word):
        mark = "##" if start else ""
        for end in range(len(word), start, -1):
            if mark + word[start:end] in vocab:
                pieces.append(mark + word[start:end])
                break
        else:
            pieces.append("<unk>")
            end = start + 1
        start = end
    return pieces


keeps_the_beginning = misconception(
    "wordpiece_encode",
    "You keep the pieces that were found before it went wrong, and put UNK behind them. How much of the word is "
    "unknown, by the rule?",
    change=('return ["<unk>"]', 'return [*pieces, "<unk>"]'),
)


@misconception(
    "wordpiece_encode",
    "You go back and try a shorter beginning where the longest one leads nowhere. That is kind; but what does "
    "greedy mean?",
)
def goes_back(word, vocab):
    def cut(start):
        if start == len(word):
            return []
        mark = "##" if start else ""
        for end in range(len(word), start, -1):
            if mark + word[start:end] in vocab:
                rest = cut(end)
                if rest is not None:
                    return [mark + word[start:end], *rest]
        return None

    return cut(0) or ["<unk>"]


# --- unigram_encode


@misconception(
    "unigram_encode",
    "You take the longest piece that fits, and never look at its probability. Which sum should be largest?",
)
def longest_piece_first(word, log_probs):
    pieces, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            if word[start:end] in log_probs:
                break
        else:
            return ["<unk>"]
        pieces.append(word[start:end])
        start = end
    return pieces


@misconception(
    "unigram_encode",
    "At each place you take the likeliest next piece. What may that choice cost further on in the word?",
)
def likeliest_piece_first(word, log_probs):
    pieces, start = [], 0
    while start < len(word):
        ends = [end for end in range(start + 1, len(word) + 1) if word[start:end] in log_probs]
        if not ends:
            return ["<unk>"]
        end = max(ends, key=lambda end: log_probs[word[start:end]])
        pieces.append(word[start:end])
        start = end
    return pieces


@misconception(
    "unigram_encode",
    "Your cut has as few pieces as possible. Is it the number of pieces that counts, or what they are worth?",
)
def fewest_pieces(word, log_probs):
    best, start_of = [(0, 0.0)], [0]
    for end in range(1, len(word) + 1):
        sums = [
            (best[start][0] - 1, best[start][1] + log_probs[word[start:end]])
            if word[start:end] in log_probs
            else (-math.inf, 0.0)
            for start in range(end)
        ]
        best.append(max(sums))
        start_of.append(sums.index(best[end]))
    if best[-1][0] == -math.inf:
        return ["<unk>"]
    pieces, end = [], len(word)
    while end > 0:
        pieces.insert(0, word[start_of[end] : end])
        end = start_of[end]
    return pieces


least_likely = misconception(
    "unigram_encode",
    "Yours is the least likely cut. Log-probabilities are negative: is a good one large or small?",
    change=[
        (
            "sums = [best[start] + log_probs.get(word[start:end], -math.inf) for start in range(end)]\n"
            "best.append(max(sums))",
            "sums = [best[start] + log_probs.get(word[start:end], math.inf) for start in range(end)]\n"
            "best.append(min(sums))",
        ),
        ("= -math.", "= math."),
    ],
)


collects_backwards = misconception(
    "unigram_encode",
    "You have the right pieces, in the wrong order. In which direction did you walk when you collected them?",
    change=("pieces.insert(0, word[start_of[end] : end])", "pieces.append(word[start_of[end] : end])"),
)


never_unknown = misconception(
    "unigram_encode",
    "A word that can't be written gives an answer all the same, with pieces that are not in the table. How do you "
    "notice that there is no way?",
    change=(
        'if best[-1] == -math.inf:\n    return ["<unk>"]\npieces, end = [], len(word)',
        "pieces, end = [], len(word)",
    ),
)


@misconception(
    "unigram_encode",
    "For each beginning you look at its last piece alone, not at what comes before it. Which two numbers add up "
    "to the score of a cut?",
)
def forgets_what_came_before(word, log_probs):
    reached, start_of = [True], [0]
    for end in range(1, len(word) + 1):
        starts = [start for start in range(end) if reached[start] and word[start:end] in log_probs]
        reached.append(bool(starts))
        start_of.append(max(starts, key=lambda start: log_probs[word[start:end]], default=0))
    if not reached[-1]:
        return ["<unk>"]
    pieces, end = [], len(word)
    while end > 0:
        pieces.insert(0, word[start_of[end] : end])
        end = start_of[end]
    return pieces


# --- bits_per_byte


@misconception(
    "bits_per_byte",
    "Your number is in nats. How many nats are one bit?",
)
def stays_in_nats(loss, ids, text):
    return loss * len(ids) / len(text.encode())


@misconception(
    "bits_per_byte",
    "English is right, accents and Chinese cost too much: you divide by characters. How many bytes has such a text?",
)
def divides_by_characters(loss, ids, text):
    return loss * len(ids) / math.log(2) / len(text)


@misconception(
    "bits_per_byte",
    "Yours is the price of a token, whatever its length. What part do the tokens and the bytes play?",
)
def bits_per_token(loss, ids, text):
    return loss / math.log(2)


@misconception(
    "bits_per_byte",
    "Tokens and bytes have changed places. If the same loss is paid for more tokens, should a byte cost more or less?",
)
def upside_down(loss, ids, text):
    return loss * len(text.encode()) / math.log(2) / len(ids)


@misconception(
    "bits_per_byte",
    "You multiply by ln 2. One nat is more than one bit: should the number grow or shrink?",
)
def multiplies_by_ln_2(loss, ids, text):
    return loss * len(ids) * math.log(2) / len(text.encode())

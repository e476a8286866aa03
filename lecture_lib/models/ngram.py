"""n-gram language models on integer ids: maximum likelihood, add-k, interpolated Kneser-Ney.

Counts of orders 1 to n stand in sorted arrays that form a trie. A k-gram is a number (a "node"), the rank of its key
`node of its first k-1 tokens * vocab_size + last token` among all keys of order k. So the tokens that follow a context
are one slice, and a whole text is scored by n binary searches, all tokens at once.

Kneser-Ney (Kneser and Ney 1995; interpolated as in Chen and Goodman 1999, section 2.8), with one discount d:

    p_k(w | h) = max(a(h w) - d, 0) / A(h) + d T(h) / A(h) * p_{k-1}(w | h')      h' is h without its oldest token
    p_1(w)     = max(a(w) - d, 0) / A + d T / A * 1 / vocab_size

A(h) is the sum of a(h w) over w, T(h) the number of types seen after h; where h was never followed by anything,
p_k = p_{k-1}. At the top order a(h w) counts occurrences. Below it, it counts distinct left neighbours of h w, and
adds one for each document that starts with h w: nothing stands further left there, so h is all the context there is
and its occurrences are what matters (other toolkits do the same for n-grams that start with BOS). At order 1 all the
document starts together are one neighbour, or BOS would take most of the mass.

A document's first token, its BOS, is given and never guessed: it is context, and no event. So unigrams do not count it,
whatever the smoothing (but for that one neighbour where Kneser-Ney goes on to longer contexts), and "mle" gives a BOS
that stands nowhere else probability 0. Smoothing shares mass among all vocab_size ids, BOS too.

`nltk.lm.KneserNeyInterpolated` agrees exactly with `uniform_base=False` (its unigrams are undiscounted,
p_1(w) = a(w) / A, so a token that was not seen has probability 0), the same discount (its default is 0.1), and n-grams
that carry such document starts; tests/models/test_ngram.py shows how to make them. With the padding of NLTK's own
pipeline its lower orders do not sum to 1, because it predicts the padding.

Left out: separate discounts for counts 1, 2 and 3 (modified Kneser-Ney), pruning, and counts that do not fit in memory.
"""

from collections.abc import Sequence

import numpy as np

from lecture_lib.inference.documents import Ids, as_documents, check_ids

SMOOTHINGS = ("kneser-ney", "add-k", "mle")


class NgramLM:
    """An n-gram model over ids 0 .. vocab_size - 1.

    n: the order; a token is predicted from the n - 1 before it. smoothing: "kneser-ney", "add-k" or "mle".
    discount: Kneser-Ney's d, in [0, 1]. k: added to every count by "add-k". bos_id: cuts a flat array into documents
    before each occurrence, and is never generated; without it a flat array is one document. No n-gram crosses from one
    document to the next.

    >>> model = NgramLM(2, vocab_size=3, smoothing="mle").fit([0, 1, 0, 2])
    >>> model.next_probs([0])
    array([0. , 0.5, 0.5])
    """

    def __init__(
        self,
        n: int,
        vocab_size: int,
        smoothing: str = "kneser-ney",
        discount: float = 0.75,
        k: float = 1.0,
        uniform_base: bool = True,
        bos_id: int | None = None,
    ):
        if n < 1 or vocab_size < 1:
            raise ValueError(f"n and vocab_size must be at least 1, not n={n}, vocab_size={vocab_size}")
        if smoothing not in SMOOTHINGS:
            raise ValueError(f"smoothing {smoothing!r} is not known; choose one of {', '.join(SMOOTHINGS)}")
        if not 0 <= discount <= 1:
            raise ValueError(f"discount must be between 0 and 1 for probabilities to sum to 1, not {discount}")
        if k < 0:
            raise ValueError(f"k must not be negative, not {k}")
        self.n, self.vocab_size, self.smoothing = n, vocab_size, smoothing
        self.discount, self.k = discount, (0.0 if smoothing == "mle" else k)
        self.uniform_base, self.bos_id = uniform_base, bos_id
        self._keys: list[np.ndarray] = []

    # ---------------------------------------------------------------- counting

    def fit(self, ids: Ids) -> "NgramLM":
        """Counts the n-grams of `ids` afresh and returns the model.

        ids: integers, a flat array (N,), rows (B, T), or a list of documents of any lengths.
        Raises ValueError where an id is outside the vocabulary or there is nothing to count.
        """
        tokens, place = self._flatten(ids)
        if not len(tokens):
            raise ValueError("there are no tokens to count; give fit() at least one document with one token")
        self._keys, counts = [], []
        node = np.zeros(len(tokens), np.int64)  # of the (k-1)-gram that ends just before each token
        shorter = node  # of the (k-1)-gram that ends at each token
        for k in range(1, self.n + 1):
            where = np.flatnonzero(place >= k - 1)  # tokens with k - 1 others of their document before them
            wanted = node[where] * self.vocab_size + tokens[where]
            keys, first, inverse, count = np.unique(wanted, True, return_inverse=True, return_counts=True)
            if k > 1 and self.smoothing == "kneser-ney":
                counts[-1] = self._distinct_left(shorter, place, k - 1, where[first])
            self._keys.append(keys)
            counts.append(_sums(inverse, len(keys), place[where] > 0) if k == 1 else count.astype(float))
            shorter = np.full(len(tokens), -1)
            shorter[where] = inverse
            node = np.roll(shorter, 1)  # a document's first token gets a stranger's, and never uses it
        self._prepare(counts)
        return self

    def _distinct_left(self, node: np.ndarray, place: np.ndarray, k: int, longer: np.ndarray) -> np.ndarray:
        """Distinct left neighbours of each k-gram, document starts included -> (k-grams,).

        node (N,): of the k-gram that ends at each token. longer: one token at which each type of (k+1)-gram ends;
        each is one more neighbour of the k-gram that ends there too.
        """
        n_types = len(self._keys[k - 1])
        starts = _sums(node[place == k - 1], n_types)
        return (np.minimum(starts, 1) if k == 1 else starts) + _sums(node[longer], n_types)

    def _prepare(self, counts: list[np.ndarray]) -> None:
        """Turns counts into what scoring multiplies and adds: p_k = alpha[h w] + gamma[h] p_{k-1}.

        Holds for each order k, by index k - 1: `_slices` (contexts + 1,), `_alpha` (k-grams,), `_gamma` (contexts,).
        """
        self._slices, self._alpha, self._gamma = [], [], []
        n_contexts = 1
        for keys, count in zip(self._keys, counts):
            edges = np.searchsorted(keys, np.arange(n_contexts + 1) * self.vocab_size)
            types = np.diff(edges)
            context = keys // self.vocab_size
            total = _sums(context, n_contexts, count)
            if self.smoothing == "kneser-ney":
                discount = self.discount if self._slices or self.uniform_base else 0.0
                alpha = _ratio(np.maximum(count - discount, 0), total[context], 0.0)
                gamma = _ratio(discount * types, total, 1.0)
            else:
                mass = total + self.k * self.vocab_size
                alpha = _ratio(count, mass[context], 0.0)
                gamma = _ratio(np.full(n_contexts, self.k), mass, 0.0)
            self._slices.append(edges)
            self._alpha.append(alpha)
            self._gamma.append(gamma)
            n_contexts = len(keys)

    # ---------------------------------------------------------------- scoring

    def log_probs(self, ids: Ids) -> np.ndarray:
        """Log-probability in nats of every token, given at most n - 1 tokens before it in its document.

        ids: as for `fit`; -> (total number of tokens,), documents one after the other. -inf where the model gives 0.
        """
        self._need_fit()
        tokens, place = self._flatten(ids)
        with np.errstate(divide="ignore"):
            return np.log(self._probs(tokens, place))

    def _probs(self, tokens: np.ndarray, place: np.ndarray) -> np.ndarray:
        interpolates = self.smoothing == "kneser-ney"
        probs = np.full(len(tokens), 1 / self.vocab_size)
        node = np.zeros(len(tokens), np.int64)  # context of each token; -1 where it was never seen
        for order in range(self.n):
            inside = place >= order
            seen = inside & (node >= 0)
            nodes = self._find(order, node[seen], tokens[seen])
            alpha = np.where(nodes >= 0, self._alpha[order][nodes], 0.0)
            gamma = self._gamma[order][node[seen]]
            if interpolates:
                probs[seen] = alpha + gamma * probs[seen]
            else:
                probs[inside] = 1 / self.vocab_size if self.k else 0.0
                probs[seen] = alpha + gamma
            ends = np.full(len(tokens), -1)
            ends[seen] = nodes
            node = np.roll(ends, 1)
        return probs

    def next_probs(self, context: Sequence[int] = ()) -> np.ndarray:
        """Distribution of the token after `context`, whose last n - 1 ids count -> (vocab_size,).

        Sums to 1, except that "mle" gives zeros after a context that it has not seen.
        """
        self._need_fit()
        known = self._context(context)
        contexts = [self._node(known[len(known) - k :]) for k in range(len(known) + 1)]  # shortest first
        if self.smoothing == "kneser-ney":
            probs = np.full(self.vocab_size, 1 / self.vocab_size)
            for order, node in enumerate(contexts):
                if node >= 0:
                    self._add(probs, order, node)
            return probs
        if contexts[-1] < 0:
            return np.full(self.vocab_size, 1 / self.vocab_size if self.k else 0.0)
        probs = np.ones(self.vocab_size)
        self._add(probs, len(known), contexts[-1])
        return probs

    def _add(self, probs: np.ndarray, order: int, node: int) -> None:
        """In place, probs <- alpha + gamma * probs for the context `node` of `order` tokens."""
        children = slice(*self._slices[order][node : node + 2])
        probs *= self._gamma[order][node]
        probs[self._keys[order][children] - node * self.vocab_size] += self._alpha[order][children]

    def loss(self, ids: Ids) -> float:
        """Mean negative log-probability in nats per token.

        The first token of a document (its BOS) is not scored: nothing comes before it. The neural models agree.
        """
        self._need_fit()
        tokens, place = self._flatten(ids)
        if not np.any(place):
            raise ValueError("there is nothing to score; a document needs two tokens, as its first is not scored")
        with np.errstate(divide="ignore"):
            return float(-np.log(self._probs(tokens, place)[place > 0]).mean())

    def perplexity(self, ids: Ids) -> float:
        """exp(loss(ids)); infinite where the model gives a token no chance."""
        return float(np.exp(self.loss(ids)))

    # ---------------------------------------------------------------- generating

    def sample(self, context: Sequence[int], rng: np.random.Generator, temperature: float = 1.0) -> int:
        """One next token. temperature 0 takes the likeliest (the smallest id of equals)."""
        if temperature < 0:
            raise ValueError(f"temperature must not be negative, not {temperature}")
        probs = self.next_probs(context)
        if self.bos_id is not None:
            probs[self.bos_id] = 0.0
        if not probs.any():
            raise ValueError(
                f"the context {list(context)[-self.n + 1 :]} was never seen, so maximum likelihood cannot continue it; "
                "smooth, or lower n"
            )
        if temperature == 0:
            return int(probs.argmax())
        if temperature != 1:
            with np.errstate(divide="ignore"):
                scaled = np.log(probs) / temperature
            probs = np.exp(scaled - scaled.max())
        cumulative = np.cumsum(probs)
        return int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))

    def generate(
        self,
        prompt: Sequence[int],
        max_tokens: int,
        rng: int | np.random.Generator | None = None,
        stop_id: int | None = None,
        temperature: float = 1.0,
    ) -> list[int]:
        """The prompt and up to `max_tokens` sampled tokens after it; ends with `stop_id` if that is drawn."""
        rng = np.random.default_rng(rng)
        ids = [int(token) for token in prompt]
        for _ in range(max_tokens):
            ids.append(self.sample(ids, rng, temperature))
            if ids[-1] == stop_id:
                break
        return ids

    # ---------------------------------------------------------------- helpers

    def _find(self, order: int, node: np.ndarray, token: np.ndarray) -> np.ndarray:
        """Nodes of `token` after each context `node` of `order` tokens; -1 where that was not seen."""
        keys, wanted = self._keys[order], node * self.vocab_size + token
        places = np.searchsorted(keys, wanted)
        if not len(keys):  # no document was as long as this order
            return np.full(len(wanted), -1)
        places[places == len(keys)] = 0  # any key will do: it differs from what is wanted
        return np.where(keys[places] == wanted, places, -1)

    def _node(self, ngram: np.ndarray) -> int:
        node = np.zeros(1, np.int64)
        for order, token in enumerate(ngram):
            node = self._find(order, node, token)
            if node[0] < 0:
                return -1
        return int(node[0])

    def _context(self, context: Sequence[int]) -> np.ndarray:
        """The last n - 1 ids of `context`, and of those only its own document's."""
        tokens, place = self._flatten(context)
        width = 0 if not len(tokens) else min(self.n - 1, place[-1] + 1)
        return tokens[len(tokens) - width :]

    def _flatten(self, ids: Ids) -> tuple[np.ndarray, np.ndarray]:
        """All tokens in one array (N,), and the place of each in its document, counted from 0 (N,)."""
        documents = [document for document in as_documents(ids) if len(document)]
        lengths = np.array([len(document) for document in documents], np.int64)
        tokens = np.concatenate(documents) if documents else np.array([], np.int64)
        check_ids(tokens, self.vocab_size)
        start = np.zeros(len(tokens), bool)
        start[np.cumsum(lengths) - lengths] = True
        if self.bos_id is not None:
            start |= tokens == self.bos_id
        index = np.arange(len(tokens))
        return tokens, index - np.maximum.accumulate(np.where(start, index, 0))

    def _need_fit(self) -> None:
        if not self._keys:
            raise RuntimeError("this NgramLM has counted nothing yet; call fit(ids) first")


def _sums(places: np.ndarray, n: int, weights: np.ndarray | None = None) -> np.ndarray:
    """How often each number below n occurs in places, or the sum of its weights -> (n,).

    bincount takes no wider integers than intp, which has 32 bits in WebAssembly.
    """
    return np.bincount(places.astype(np.intp), weights=weights, minlength=n)


def _ratio(a: np.ndarray, b: np.ndarray, otherwise: float) -> np.ndarray:
    """a / b, and `otherwise` where b is 0."""
    return np.divide(a, b, out=np.full(len(b), otherwise), where=b > 0)

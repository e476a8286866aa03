// Byte-pair encoding (Gage 1994; Sennrich et al. 2016, algorithm 1) on the bytes of words, as the lesson does it.

const MOST_TEXT = 4000; // characters
const ID_LIMIT = 65536; // a pair of ids is one number: left * ID_LIMIT + right

const SPACE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/u; // as Python's isspace
const WORD = /[\p{L}\p{N}_]/u;

/** Runs of one class of characters; a lone space goes to what follows it. */
export function preTokenize(text) {
  const runs = [];
  let last = null;
  for (const character of text) {
    const kind = SPACE.test(character) ? "space" : WORD.test(character) ? "word" : "sign";
    if (kind === last) runs[runs.length - 1] += character;
    else runs.push(character);
    last = kind;
  }
  const pieces = [];
  for (let i = 0; i < runs.length; i++)
    pieces.push(runs[i] === " " && i + 1 < runs.length ? runs[i] + runs[++i] : runs[i]);
  return pieces;
}

/** The bytes of a text. */
export function bytesOf(text) {
  return Array.from(new TextEncoder().encode(text));
}

/** How often two ids stand side by side: Map of left * 65536 + right to a count. */
function countPairs(words) {
  const counts = new Map();
  for (const { ids, count } of words) {
    for (let i = 0; i + 1 < ids.length; i++) {
      const pair = ids[i] * ID_LIMIT + ids[i + 1];
      counts.set(pair, (counts.get(pair) ?? 0) + count);
    }
  }
  return counts;
}

/** The ids with every pair (from left to right, none twice) replaced by the new id. */
function mergePair(ids, [left, right], newId) {
  const merged = [];
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] === left && ids[i + 1] === right) {
      merged.push(newId);
      i++;
    } else merged.push(ids[i]);
  }
  return merged;
}

/**
 * The steps of training on a text: before the first merge, after one, and so on. learned: { vocab, merges } of a
 * training function of one's own, to be followed; else the most frequent pair is merged, of equals that of the smaller
 * ids, until none occurs twice. A step: merged [left, right, times] or null, words [{ ids, count }], pairs
 * [[left, right, count]] (the first `most`), tied (pairs as frequent as the first), length (tokens of the text).
 */
export function trained(text, nMerges, learned = null, most = 8) {
  const pieces = new Map();
  for (const piece of preTokenize(Array.from(text).slice(0, MOST_TEXT).join("")))
    pieces.set(piece, (pieces.get(piece) ?? 0) + 1);
  let words = Array.from(pieces, ([piece, count]) => ({ ids: bytesOf(piece), count }));
  const vocab = learned?.vocab ?? Array.from({ length: 256 }, (_, byte) => [byte]);
  const merges = [],
    steps = [];
  const limit = learned ? learned.merges.length : nMerges;
  for (let merged = null; ;) {
    const counts = countPairs(words);
    const order = Array.from(counts).sort(([a, n], [b, m]) => m - n || a - b);
    const pairs = order.slice(0, most).map(([pair, count]) => [Math.floor(pair / ID_LIMIT), pair % ID_LIMIT, count]);
    const tied = order.filter(([, count]) => count === order[0][1]).length;
    steps.push({
      merged,
      words,
      pairs,
      tied,
      length: words.reduce((sum, { ids, count }) => sum + ids.length * count, 0),
    });
    if (merges.length >= limit || (!learned && !(pairs[0]?.[2] >= 2))) return { vocab, merges, steps };
    const [left, right] = learned ? learned.merges[merges.length] : pairs[0];
    merged = [left, right, counts.get(left * ID_LIMIT + right) ?? 0];
    const newId = 256 + merges.length;
    merges.push([left, right]);
    if (!learned) vocab.push([...vocab[left], ...vocab[right]]);
    words = words.map(({ ids, count }) => ({ ids: mergePair(ids, [left, right], newId), count }));
  }
}

/**
 * A text by the merges, in the order in which they were learned: a list of pieces, each a list of trees
 * { id, children, height, start, end }, start and end in bytes of the piece.
 */
export function encodedTrees(text, merges) {
  return preTokenize(text).map((piece) => {
    let nodes = bytesOf(piece).map((id, i) => ({ id, children: [], height: 0, start: i, end: i + 1 }));
    merges.forEach(([left, right], rank) => {
      const joined = [];
      for (let i = 0; i < nodes.length; i++) {
        const [a, b] = [nodes[i], nodes[i + 1]];
        if (a.id !== left || b?.id !== right) {
          joined.push(a);
          continue;
        }
        joined.push({
          id: 256 + rank,
          children: [a, b],
          height: 1 + Math.max(a.height, b.height),
          start: a.start,
          end: b.end,
        });
        i++;
      }
      nodes = joined;
    });
    return nodes;
  });
}

/** The ids of a text by the merges. */
export function encoded(text, merges) {
  return encodedTrees(text, merges).flatMap((nodes) => nodes.map((node) => node.id));
}

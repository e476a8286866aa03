// n-gram counts of a small text, as the lesson counts them: ids in, ids out. `begin` is the id of <bos>.

/** How often each token follows each context of up to n - 1 tokens of its own sentence: Map "id id" -> Map id -> count. */
export function countNgrams(ids, begin, n) {
  const counts = new Map();
  let start = 0;
  ids.forEach((id, i) => {
    if (id === begin) {
      start = i;
      return;
    }
    const context = Array.from(ids.slice(Math.max(start, i - n + 1), i)).join(" ");
    if (!counts.has(context)) counts.set(context, new Map());
    const seen = counts.get(context);
    seen.set(id, (seen.get(id) ?? 0) + 1);
  });
  return counts;
}

/** The end of the sentence that an n-gram model looks at. */
export function contextOf(sentence, n) {
  return sentence.slice(Math.max(0, sentence.length - n + 1));
}

/** Maximum likelihood, or add-k, over ids 0 to V - 1; zeros after a context never seen if k is 0. seen: [id, count] pairs. */
export function nextProbs(pairs, V, k) {
  const seen = new Map(pairs);
  let total = k * V;
  for (const count of seen.values()) total += count;
  return Array.from({ length: V }, (_, id) => (total > 0 ? ((seen.get(id) ?? 0) + k) / total : 0));
}

/** A number from 0 up to 1, always the same for the same seed and text. */
export function dice(seed, text) {
  let hash = 2166136261 ^ Math.imul(seed + 1, 2654435761);
  for (const character of text) hash = Math.imul(hash ^ character.codePointAt(0), 16777619);
  hash = Math.imul(hash ^ (hash >>> 16), 2246822507);
  hash = Math.imul(hash ^ (hash >>> 13), 3266489909);
  return ((hash ^ (hash >>> 16)) >>> 0) / 4294967296;
}

/** The id on which a number from 0 up to 1 falls, by the cumulative distribution. */
export function drawn(probs, chance) {
  const total = probs.reduce((sum, p) => sum + p, 0);
  let sum = 0,
    last = 0;
  for (let id = 0; id < probs.length; id++) {
    if (!(probs[id] > 0)) continue;
    sum += probs[id];
    last = id;
    if (chance * total < sum) break;
  }
  return last;
}

/** Counts of a text for any n, each made once: seen(sentence, n) -> Map id -> count, after the end of the sentence. */
export function counter(ids, begin) {
  const kept = new Map();
  const counts = (n) => {
    if (!kept.has(n)) kept.set(n, countNgrams(ids, begin, n));
    return kept.get(n);
  };
  return (sentence, n) => counts(n).get(contextOf(sentence, n).join(" ")) ?? new Map();
}

/** How often a context was read, and how many kinds of token followed it. */
export function summed(seen) {
  return [[...seen.values()].reduce((sum, count) => sum + count, 0), seen.size];
}

/** The ids that have any probability, the likeliest first, equals by their place in the alphabet. */
export function ranked(probs) {
  return Array.from(probs.keys())
    .filter((id) => probs[id] > 0)
    .sort((a, b) => probs[b] - probs[a] || a - b);
}

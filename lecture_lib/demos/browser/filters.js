// Filters on scores, as lecture_lib.decoding has them: a token that may not be drawn has -Infinity.

import { entropy, softmax } from "./mathematics.js";

function applyTemperature(scores, temperature) {
  if (temperature > 0) return Array.from(scores, (score) => score / temperature);
  const likeliest = scores.indexOf(scores.reduce((most, score) => Math.max(most, score), -Infinity));
  return Array.from(scores, (score, i) => (i === likeliest ? score : -Infinity));
}

/** Places of the finite scores, in descending order of `by`; among equals the smaller place comes first. */
function ranked(scores, by) {
  const places = [];
  for (let i = 0; i < scores.length; i++) if (scores[i] > -Infinity) places.push(i);
  return places.sort((a, b) => by[b] - by[a] || a - b);
}

function keeping(scores, places) {
  const kept = Array.from(scores, () => -Infinity);
  for (const i of places) kept[i] = scores[i];
  return kept;
}

function topK(scores, k) {
  return keeping(scores, ranked(scores, scores).slice(0, Math.trunc(k)));
}

const MET = 1 - 1e-6; // sums are rounded: what meets a limit on paper may miss it by this share

/** The first of the ranked places that hold at least p together. */
function until(places, probs, p) {
  if (p >= 1) return places;
  let before = 0;
  const end = places.findIndex((i) => {
    const enough = before >= p * MET;
    before += probs[i];
    return enough;
  });
  return end < 0 ? places : places.slice(0, end);
}

function topP(scores, p) {
  return keeping(scores, until(ranked(scores, scores), softmax(scores), p));
}

function minP(scores, p) {
  const probs = softmax(scores);
  const least = p * MET * probs.reduce((most, value) => Math.max(most, value), 0);
  return Array.from(scores, (score, i) => (probs[i] < least ? -Infinity : score));
}

export function typical(scores, p) {
  const probs = softmax(scores);
  const H = entropy(probs);
  return keeping(
    scores,
    until(
      ranked(
        scores,
        probs.map((value) => -Math.abs(-Math.log(value) - H)),
      ),
      probs,
      p,
    ),
  );
}

/** history: places of the tokens written before. */
export function penalise(scores, history, { repetition = 1, presence = 0, frequency = 0 }) {
  const counts = new Map();
  for (const place of history) counts.set(place, (counts.get(place) ?? 0) + 1);
  return Array.from(scores, (score, i) => {
    if (!counts.has(i)) return score;
    const divided = score > 0 ? score / repetition : score * repetition;
    return divided - presence - frequency * counts.get(i);
  });
}

/** The scores after one link of a chain, by its name in Python. */
export function linked(scores, name, amount, history) {
  if (["repetition", "presence", "frequency"].includes(name)) return penalise(scores, history, { [name]: amount });
  if (name === "temperature") return applyTemperature(scores, amount);
  const filter = { top_k: topK, top_p: topP, min_p: minP, typical }[name];
  return amount <= 0 || (name === "top_k" && amount < 1) ? Array.from(scores) : filter(scores, amount);
}

/** The distributions of a chain, the model's own first, each with the mass that its link cut off. */
export function stagesOf(scores, chain, history, alone = false) {
  const rows = [softmax(scores)];
  let now = scores;
  for (const [name, amount] of chain) {
    now = linked(alone ? scores : now, name, amount, history);
    rows.push(softmax(now));
  }
  return described(rows, chain, alone);
}

export function described(rows, chain, alone = false) {
  return rows.map((probs, s) => {
    const before = rows[alone || !s ? 0 : s - 1];
    const cut = probs.reduce((sum, p, i) => (p === 0 ? sum + before[i] : sum), 0);
    const kept = probs.reduce((count, p) => count + (p > 0), 0);
    return {
      name: s ? chain[s - 1][0] : "model",
      amount: s ? chain[s - 1][1] : 0,
      probs,
      before,
      cut: s ? cut : 0,
      kept,
      entropy: entropy(probs),
    };
  });
}

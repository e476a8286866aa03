// What a transformer computes and keeps for each token, by formula; as in Python's cache_meter.

import { number } from "./elements.js";

const triangle = (T) => (T * (T + 1)) / 2;
const sizes = ({ n_heads, n_kv_heads, d_k }) => [n_heads * d_k, n_kv_heads * d_k];

/** Floating-point operations by part, to read the last `fresh` of T tokens and score the next one; as in Python. */
export function operations(model, T, fresh) {
  const [d, d_kv] = sizes(model),
    L = model.n_layers;
  return {
    projections: L * fresh * 4 * d * (d + d_kv),
    scores: L * (triangle(T) - triangle(T - fresh)) * 4 * d,
    feed_forward: L * fresh * 16 * d * d,
    head: 2 * d * model.vocab_size,
  };
}

export const total = (parts) => Object.values(parts).reduce((sum, value) => sum + value, 0);

/** All operations from the prompt to the token after T tokens: [without a cache, with one]. */
export function operationsSoFar(model, prompt, T) {
  const [d, d_kv] = sizes(model),
    L = model.n_layers;
  const token = L * (4 * d * (d + d_kv) + 16 * d * d),
    score = L * 4 * d;
  const head = (T - prompt + 1) * 2 * d * model.vocab_size;
  const scores = (T * (T + 1) * (T + 2) - (prompt - 1) * prompt * (prompt + 1)) / 6;
  return [token * (triangle(T) - triangle(prompt - 1)) + score * scores + head, token * T + score * triangle(T) + head];
}

/** Bytes of the keys and values of T tokens. */
export const cacheBytes = (model, T) => 2 * model.n_layers * sizes(model)[1] * model.bytes * T;

/** One moment, as Python's `compute` has it, and with operations and bytes. Pairs: [without a cache, with one]. */
export function meter(prompt, written, model) {
  const T = prompt + written,
    fresh = written === 0 ? prompt : 1;
  return {
    T,
    fresh,
    read: [T, fresh],
    soFar: [triangle(T) - triangle(prompt - 1), T],
    scores: [triangle(T), triangle(T) - triangle(T - fresh)],
    work: [total(operations(model, T, T)), total(operations(model, T, fresh))],
    fetched: [0, cacheBytes(model, T - fresh)],
    kept: [0, cacheBytes(model, T)],
  };
}

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];
export function size(count) {
  const power = count < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(count) / 10));
  return `${number(count / 1024 ** power, power ? 1 : 0)} ${UNITS[power]}`;
}

const POWERS = [
  [1e15, "peta"],
  [1e12, "tera"],
  [1e9, "giga"],
  [1e6, "mega"],
  [1e3, "kilo"],
];
export function flops(count) {
  const [unit, name] = POWERS.find(([least]) => count >= least) ?? [1, ""];
  return `${(count / Number(unit)).toPrecision(3)} ${name}FLOP`;
}

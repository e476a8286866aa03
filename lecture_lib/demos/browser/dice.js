// Dice that roll the same in Python: mulberry32.

/** `count` numbers from 0 up to 1. */
export function rolls(seed, count) {
  const found = new Float64Array(count);
  let state = seed | 0;
  for (let i = 0; i < count; i++) {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    found[i] = ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  return found;
}

/** How often each is drawn, and which was the last: a roll takes the first whose cumulated probability exceeds it. */
export function samples(probs, draws, seed) {
  const counts = new Array(probs.length).fill(0),
    cumulated = [];
  let sum = 0,
    end = 0,
    latest = null;
  probs.forEach((p, i) => {
    cumulated.push((sum += p));
    if (p > 0) end = i;
  });
  for (const roll of rolls(seed, draws)) {
    let [low, high] = [0, end];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (cumulated[middle] > roll) high = middle;
      else low = middle + 1;
    }
    counts[low]++;
    latest = low;
  }
  return { counts, latest };
}

// What the browser computes by itself. Each function has its equal in Python, and a test that compares them.

/** Softmax of finite scores and -Infinity; all zeros where every score is -Infinity. */
export function softmax(scores) {
  const top = scores.reduce((most, score) => Math.max(most, score), -Infinity);
  if (top === -Infinity) return Array.from(scores, () => 0);
  const exponentials = Array.from(scores, (score) => Math.exp(score - top));
  const total = exponentials.reduce((sum, value) => sum + value, 0);
  return exponentials.map((value) => value / total);
}

/** The entropy of a distribution in nats. */
export function entropy(probabilities) {
  return probabilities.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0);
}

// The usual masks, and what leaks through them: each function has its equal in mask_painter.py.

/** A usual mask as rows of truth values: whether token i may see token j. */
export function preset(name, tokens, width, padding) {
  const half = Math.ceil(tokens.length / 2);
  const rules = {
    all: () => true,
    none: () => false,
    causal: (i, j) => j <= i,
    window: (i, j) => j <= i && i - j < width,
    prefix: (i, j) => j <= i || j < half,
    "two texts": (i, j) => j <= i && i < half === j < half,
    padding: (i, j) => !padding.includes(tokens[j]),
  };
  return tokens.map((_, i) => tokens.map((_, j) => rules[name](i, j)));
}

/** After how many layers token i knows of token j: 0 of itself, -1 if never. from[i][j]: of whom it learned it. */
export function hops(visible) {
  const T = visible.length;
  const found = visible.map((_, i) => visible.map((_, j) => (i === j ? 0 : -1)));
  const from = visible.map((_, i) => visible.map(() => i));
  for (let layer = 1; layer < T; layer++) {
    const before = found.map((row) => [...row]);
    for (let i = 0; i < T; i++)
      for (let via = 0; via < T; via++) {
        if (!visible[i][via]) continue;
        for (let j = 0; j < T; j++)
          if (before[via][j] >= 0 && found[i][j] < 0) [found[i][j], from[i][j]] = [layer, via];
      }
  }
  return { found, from };
}

/** The way that news of token j takes to token i: [j, ..., i]. */
export function route({ found, from }, i, j) {
  const way = [i];
  for (let at = i; at !== j && way.length <= found.length; at = from[at][j]) way.unshift(from[at][j]);
  return way;
}

/** The state of the mask in a sentence; Python's `describe` says the same. */
export function describe(visible, tokens) {
  const blind = visible.findIndex((row) => !row.some(Boolean));
  if (blind >= 0) return `“${tokens[blind]}” may look at nothing: there is nothing to share out.`;
  let ahead = 0,
    leftOut = 0;
  visible.forEach((row, i) =>
    row.forEach((seen, j) => {
      if (j > i && seen) ahead++;
      if (j <= i && !seen) leftOut++;
    }),
  );
  if (!ahead && !leftOut) return "Every token sees itself and what came before, and nothing else.";
  const parts = [];
  if (ahead) parts.push(`${ahead} cell${ahead > 1 ? "s look" : " looks"} into the future`);
  if (leftOut)
    parts.push(`${leftOut} cell${leftOut > 1 ? "s" : ""} of the past or present ${leftOut > 1 ? "are" : "is"} hidden`);
  return parts.join("; ") + ".";
}

/** Who knows of later tokens after so many layers; Python's `describe_leak` says the same. */
export function describeLeak(visible, tokens, layers) {
  const { found } = hops(visible);
  const early = found.map((row, i) => row.map((steps, j) => j > i && steps > 0 && steps <= layers));
  const counts = early.map((row) => row.filter(Boolean).length),
    total = counts.reduce((a, b) => a + b, 0);
  const after = `After ${layers} layer${layers > 1 ? "s" : ""}`;
  if (!total) return `${after}, no token knows of a later one.`;
  const worst = counts.indexOf(Math.max(...counts));
  const known = tokens
    .filter((_, j) => early[worst][j])
    .map((token) => `“${token}”`)
    .join(", ");
  return `${after}, ${total} cell${total > 1 ? "s leak" : " leaks"} the future; most to “${tokens[worst]}”, which knows of ${known}.`;
}

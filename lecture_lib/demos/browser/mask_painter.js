// Mask painter: the mask on the left is painted, the weights on the right follow at once.

import { floats, number } from "./elements.js";
import { BLUE, heatMap } from "./heat_map.js";
import { softmax } from "./mathematics.js";
import { tools } from "./controls.js";
import { stage } from "./stage.js";

function render({ model, el }) {
  const { tokens, scores: sent } = model.get("given");
  const T = tokens.length;
  const scores = floats(sent);
  const copy = (rows) => rows.map((row) => [...row]);
  const visible = () => model.get("state").visible;
  const weightsOf = (i) => softmax(Array.from({ length: T }, (_, j) => (visible()[i][j] ? scores[i * T + j] : -Infinity)));
  let brush = null;

  const tell = (i, j) => {
    const mask = visible()[i][j] ? "0" : "−∞";
    shown.tell(`${tokens[i]} looks at ${tokens[j]}: score ${number(scores[i * T + j], 1)}, mask ${mask}, weight ${number(weightsOf(i)[j], 3)}`);
  };
  const set = (i, j, seen) => {
    if (visible()[i][j] === seen) return;
    const changed = copy(visible());
    changed[i][j] = seen;
    shown.share({ visible: changed });
  };
  const all = (rule) => () => shown.share({ visible: visible().map((row, i) => row.map((_, j) => rule(i, j))) });
  const mask = heatMap({
    rows: tokens, title: "mask M: click or drag", label: "The mask. Arrow keys move, space hides a cell or shows it.",
    onpoint: (i, j, pressed) => { if (pressed && brush !== null) set(i, j, brush); tell(i, j); },
    onact: (i, j) => { brush = !visible()[i][j]; set(i, j, brush); tell(i, j); },
  });
  const weights = heatMap({ rows: tokens, title: "weights A = softmax(S + M), by row", label: "The weights", onpoint: tell });
  const shown = stage({
    model, el, name: "mask_painter", open: [mask.node], answer: [weights.node],
    controls: [tools(["show all", all(() => true)], ["hide all", all(() => false)])],
    question: "Which weights will each row have? Vote, then look.",
    line: (state) => [JSON.stringify(tokens), { visible: state.visible.map((row) => row.map(Number)) }],
  });
  return shown.run(() => {
    const rows = tokens.map((_, i) => weightsOf(i));
    const early = (i, j) => (j > i && visible()[i][j] ? "var(--lm-orange)" : null);
    mask.paint((i, j) => (visible()[i][j]
      ? { fill: BLUE, opacity: 0.12, text: "0", outline: early(i, j) }
      : { fill: "#777", opacity: 0.85, text: "−∞" }));
    weights.paint((i, j) => ({ fill: BLUE, opacity: rows[i][j], text: visible()[i][j] ? number(rows[i][j]) : "", outline: early(i, j) }));
    shown.tell(describe(visible(), tokens));
  });
}

/** The state of the mask in a sentence; Python's `describe` says the same. */
export function describe(visible, tokens) {
  const blind = visible.findIndex((row) => !row.some(Boolean));
  if (blind >= 0) return `“${tokens[blind]}” may look at nothing: there is nothing to share out.`;
  let ahead = 0, leftOut = 0;
  visible.forEach((row, i) => row.forEach((seen, j) => { if (j > i && seen) ahead++; if (j <= i && !seen) leftOut++; }));
  if (!ahead && !leftOut) return "Every token sees itself and what came before, and nothing else.";
  const parts = [];
  if (ahead) parts.push(`${ahead} cells look into the future`);
  if (leftOut) parts.push(`${leftOut} cells of the past or present are hidden`);
  return parts.join("; ") + ".";
}

export default { render };

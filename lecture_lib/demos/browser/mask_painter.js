// Mask painter: the mask on the left is painted, the weights follow at once, and so does what leaks through the layers.

import { element, floats, number } from "./elements.js";
import { BLUE, heatMap } from "./heat_map.js";
import { softmax } from "./mathematics.js";
import { describe, describeLeak, hops, preset, route } from "./masks.js";
import { slider, tools } from "./controls.js";
import { stage } from "./stage.js";

const ORANGE = "var(--lm-orange)";
const MASKS = ["all", "none", "causal", "window", "prefix", "two texts"];
const TITLES = {
  all: "all see all",
  none: "hide all",
  causal: "causal",
  window: "sliding window",
  prefix: "prefix",
  "two texts": "two texts",
};

function render({ model, el }) {
  const { tokens, scores: sent, own_scores, padding, most_layers, note } = model.get("given");
  const T = tokens.length,
    size = T > 5 ? 272 : 240;
  const scores = floats(sent);
  const visible = () => model.get("state").visible;
  const named = (name) => preset(name, tokens, model.get("state").width, padding);
  const hidden = preset("padding", tokens, 1, padding);
  const weightsOf = (i) =>
    softmax(Array.from({ length: T }, (_, j) => (visible()[i][j] ? scores[i * T + j] : -Infinity)));
  let brush = null,
    spread = null;

  const tell = (i, j) => {
    const mask = visible()[i][j] ? "0" : "−∞";
    shown.tell(
      `${tokens[i]} looks at ${tokens[j]}: score ${number(scores[i * T + j], 1)}, mask ${mask}, weight ${number(weightsOf(i)[j], 3)}`,
    );
  };
  const tellRoute = (i, j) => {
    const steps = spread.found[i][j];
    if (steps < 1) return shown.tell(steps ? `${tokens[i]} never learns of ${tokens[j]}` : `${tokens[i]} knows itself`);
    const way = route(spread, i, j)
      .map((k) => tokens[k])
      .join(" → ");
    return shown.tell(`${tokens[i]} knows of ${tokens[j]} after ${steps} layer${steps > 1 ? "s" : ""}: ${way}`);
  };
  const set = (i, j, seen) => {
    if (visible()[i][j] === seen) return;
    const changed = visible().map((row) => [...row]);
    changed[i][j] = seen;
    shown.share({ visible: changed });
  };
  const pairs = MASKS.map((name) => [TITLES[name], () => shown.share({ visible: named(name) })]);
  if (hidden[0].includes(false)) {
    pairs.push([
      "and no padding",
      () => shown.share({ visible: visible().map((row) => row.map((seen, j) => seen && hidden[0][j])) }),
    ]);
  }
  const resize = (width) => shown.share({ width, visible: preset("window", tokens, width, padding) });
  const width = slider({ label: "width of the window", min: 1, max: T, value: 1, move: resize });
  const layers = slider({
    label: "layers",
    min: 1,
    max: most_layers,
    value: 1,
    move: (count) => shown.share({ layers: count }),
  });
  const look = { rows: tokens, size };
  const mask = heatMap({
    ...look,
    title: "mask M: click or drag",
    label: "The mask. Arrow keys move, space hides a cell or shows it.",
    onpoint: (i, j, pressed) => {
      if (pressed && brush !== null) set(i, j, brush);
      tell(i, j);
    },
    onact: (i, j) => {
      brush = !visible()[i][j];
      set(i, j, brush);
      tell(i, j);
    },
  });
  const weights = heatMap({ ...look, title: "weights A = softmax(S + M)", label: "The weights", onpoint: tell });
  const known = heatMap({
    ...look,
    title: "who knows of whom",
    label: "What is known after some layers",
    onpoint: tellRoute,
  });
  const leak = element("div", { class: "lm-leak", "aria-live": "polite" });
  const shown = stage({
    model,
    el,
    name: "mask_painter",
    open: [mask.node],
    answer: [weights.node, known.node, leak],
    controls: [tools(...pairs), element("div", { class: "lm-apart lm-switches" }, width.node, layers.node)],
    question: "Which weights will each row have? Vote, then look.",
    line: (state) => [
      JSON.stringify(tokens) + (own_scores ? ", scores" : ""),
      { ...state, visible: written(state, named) },
    ],
  });
  shown.node.lastChild.append(element("span", { class: "lm-note" }, note));
  return shown.run(() => {
    const { layers: depth, width: wide } = shown.state();
    const rows = tokens.map((_, i) => weightsOf(i));
    const early = (i, j) => (j > i && visible()[i][j] ? ORANGE : null);
    spread = hops(visible());
    width.set(wide);
    layers.set(depth);
    mask.paint((i, j) =>
      visible()[i][j]
        ? { fill: BLUE, opacity: 0.12, text: "0", outline: early(i, j) }
        : { fill: "#777", opacity: 0.85, text: "−∞" },
    );
    weights.paint((i, j) => ({
      fill: BLUE,
      opacity: rows[i][j],
      text: visible()[i][j] ? number(rows[i][j]) : "",
      outline: early(i, j),
    }));
    known.name(`known after ${depth} layer${depth > 1 ? "s" : ""}: since which`);
    known.paint((i, j) => knownLook(spread.found[i][j], depth, j > i));
    leak.textContent = describeLeak(visible(), tokens, depth);
    leak.classList.toggle("lm-leaks", !leak.textContent.includes("no token"));
    shown.tell(describe(visible(), tokens));
  });
}

/** Of one cell: the earlier known the darker, what comes from the future in orange; nothing if it is not known yet. */
function knownLook(steps, depth, ahead) {
  if (steps < 0 || steps > depth) return { fill: BLUE, opacity: 0, text: "" };
  return {
    fill: ahead ? "var(--lm-orange)" : BLUE,
    opacity: 0.8 / Math.max(1, steps) ** 0.6,
    text: steps ? String(steps) : "",
  };
}

/** The mask as the copied line writes it: its name if it has one, else rows of 0 and 1. */
function written(state, named) {
  const found = MASKS.find((name) => JSON.stringify(named(name)) === JSON.stringify(state.visible));
  return found ?? state.visible.map((row) => row.map(Number));
}

export default { render };

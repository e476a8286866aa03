// Mask painter: the mask on the left is painted, the weights on the right follow at once.

function render({ model, el }) {
  const { tokens, scores: sent } = model.get("given");
  const T = tokens.length;
  const scores = floats(sent);
  const copy = (rows) => rows.map((row) => [...row]);
  let visible = copy(model.get("state").visible);
  const start = copy(visible);
  let brush = null;
  const readout = element("div", { class: "lm-readout", role: "status", "aria-live": "polite" });
  const weightsOf = (i) => softmax(Array.from({ length: T }, (_, j) => (visible[i][j] ? scores[i * T + j] : -Infinity)));

  const tell = (i, j) => {
    const weight = weightsOf(i)[j];
    const mask = visible[i][j] ? "0" : "−∞";
    readout.textContent = `${tokens[i]} looks at ${tokens[j]}: score ${number(scores[i * T + j], 1)}, mask ${mask}, weight ${number(weight, 3)}`;
  };
  const set = (i, j, seen) => {
    if (visible[i][j] === seen) return;
    visible[i][j] = seen;
    share();
  };
  const share = () => {
    draw();
    model.set("state", { visible: copy(visible) });
    model.save_changes();
  };
  const mask = heatMap(tokens, {
    title: "mask M: click or drag",
    label: "The mask. Arrow keys move, space hides a cell or shows it.",
    onpoint: (i, j, pressed) => { if (pressed && brush !== null) set(i, j, brush); tell(i, j); },
    onact: (i, j) => { brush = !visible[i][j]; set(i, j, brush); tell(i, j); },
  });
  const weights = heatMap(tokens, { title: "weights A = softmax(S + M), by row", label: "The weights", onpoint: tell });

  const state = element("div", { class: "lm-readout" });
  function draw() {
    const rows = Array.from({ length: T }, (_, i) => weightsOf(i));
    mask.paint((i, j) => ({
      fill: visible[i][j] ? "rgb(var(--lm-blue))" : "#777", opacity: visible[i][j] ? 0.12 : 0.85,
      text: visible[i][j] ? "0" : "−∞", outline: j > i && visible[i][j] ? "var(--lm-orange)" : null,
    }));
    weights.paint((i, j) => ({
      fill: "rgb(var(--lm-blue))", opacity: rows[i][j], text: visible[i][j] ? number(rows[i][j]) : "",
      outline: j > i && visible[i][j] ? "var(--lm-orange)" : null,
    }));
    state.textContent = describe(visible, tokens);
  }
  const all = (rule) => () => {
    visible = visible.map((row, i) => row.map((_, j) => rule(i, j)));
    share();
  };
  const python = () => `demos.mask_painter.show(${JSON.stringify(tokens)}, visible=${JSON.stringify(visible.map((row) => row.map(Number)))})`;
  const bar = tools(
    ["show all", all(() => true)], ["hide all", all(() => false)], ["start again", all((i, j) => start[i][j])],
    ["copy as Python", () => copyLine(python(), readout)],
  );
  const right = model.get("predict") ? covered(weights.node, "Which weights will each row have? Vote, then look.") : weights.node;
  el.append(element("div", { class: "lm-rich" }, element("div", { class: "lm-row" }, mask.node, right), state, readout, bar));
  draw();
  model.on("change:state", () => { visible = copy(model.get("state").visible); draw(); });
}

/** The state of the mask in a sentence; Python's `describe` says the same. */
function describe(visible, tokens) {
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

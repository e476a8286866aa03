// Residual stream: what the head would read at every token and layer, and how the answer rises.

import { element, floats, number, python } from "./elements.js";
import { barList, lineChart } from "./charts.js";
import { choice } from "./controls.js";
import { sentenceField } from "./sentence.js";
import { streamGrid } from "./stream_grid.js";
import { stage } from "./stage.js";

const COLOURS = ["var(--lm-orange)", "var(--lm-green)"]; // of attention, of feed-forward

function render({ model, el }) {
  const { sentences, charts } = model.get("given"),
    names = Object.keys(charts);
  const write = (text) => shown.share({ text, position: null, layer: null });
  const sentence = sentences
    ? sentenceField({ text: model.get("state").text, sentences, write })
    : { nodes: [], draw: () => {} };
  const grid = streamGrid({
    onpoint: (row, j) => shown.tell(read(row, j)),
    onact: (layer, position) => shown.share({ layer, position }),
  });
  const list = barList({ digits: 4 });
  const kind = choice({
    label: "chart",
    options: Object.values(charts),
    choose: (i) => shown.share({ chart: names[i] }),
  });
  const chart = lineChart({ x: "blocks passed", width: 345, height: 280, onpoint: (x) => shown.tell(atLayer(x)) });
  const title = element(
    "div",
    { class: "lm-title" },
    "the word that the head would read here (logit lens); green: the final answer",
  );
  const caption = element("div", { class: "lm-title" }),
    note = element("div", { class: "lm-legend" }),
    source = element("span", { class: "lm-note" });
  const shown = stage({
    model,
    el,
    name: "residual_stream",
    controls: sentence.nodes,
    answer: [
      element("div", { style: "min-width:0;max-width:100%" }, title, grid.node),
      element(
        "div",
        { style: "flex:1 1 340px;min-width:0;max-width:30em" },
        list.node,
        kind.node,
        caption,
        chart.node,
        note,
      ),
    ],
    question: "From which layer on does the head read the final answer? Vote, then look.",
    line: ({ text, ...state }) => [text === undefined ? "model, ids, vocab" : python(text), state],
  });
  shown.node.lastChild.append(source);
  let laid = null,
    stream = null;

  const read = (row, j) => {
    const { tokens, words, probs, top, norms, rank, T, rows } = stream;
    const guesses = words[row][j]
      .slice(0, top)
      .map((word, k) => `“${word}” ${number(probs[(row * T + j) * top + k], 4)}`)
      .join(", ");
    return `${place(row)}, at “${tokens[j]}” (${j}): ${guesses}; length ${number(norms[row * T + j], 1)}; “${words[rows - 1][j][0]}” has rank ${rank[row * T + j]}`;
  };
  const atLayer = (x) => {
    const row = Math.min(stream.rows - 1, Math.max(0, Math.round(x)));
    const { T, written, added, writes, j } = { ...stream, j: current().position };
    const part = (values, row) =>
      ["attention", "feed-forward"]
        .map((name, k) => `${name} ${number(values[((row - 1) * 2 + k) * T + j], 2)}`)
        .join(", ");
    chart.show(row);
    if (shown.state().chart === "rank" || row === 0 || !written) return read(row, j);
    return shown.state().chart === "added"
      ? `block ${row} adds to the logit: ${part(added, row)}`
      : `block ${row} adds vectors of length: ${part(writes, row)}`;
  };
  const current = () => {
    const { position, layer } = shown.state();
    return {
      position: Math.min(position ?? stream.T - 1, stream.T - 1),
      layer: Math.min(layer ?? stream.rows - 1, stream.rows - 1),
    };
  };
  return shown.run(() => {
    const given = shown.given();
    if (laid !== given.norms) {
      stream = unpacked(given);
      const { T, rows, top, words, probs, rank } = stream;
      grid.lay({
        tokens: given.tokens,
        rows,
        word: (row, j) => words[row][j][0],
        prob: (row, j) => probs[(row * T + j) * top],
        settled: (row, j) => rank[row * T + j] === 1,
      });
      laid = given.norms;
    }
    const { position: j, layer } = current();
    const { tokens, words, probs, top, T, rows } = stream;
    const answer = words[rows - 1][j][0];
    sentence.draw(shown.state());
    grid.mark(layer, j);
    const share = (k) => probs[(layer * T + j) * top + k];
    list.paint(
      words[layer][j].slice(0, top).map((word, k) => ({
        name: `“${word}”`,
        value: share(k),
        share: share(k),
        colour: word === answer ? "var(--lm-green)" : undefined,
      })),
      `${place(layer)}, at “${tokens[j]}”`,
    );
    kind.set(names.indexOf(shown.state().chart));
    const drawn = curves(stream, shown.state().chart, j);
    caption.textContent = drawn.title.replace("ANSWER", `“${answer}”`);
    chart.paint(drawn.lines, drawn.range);
    chart.show(layer);
    note.textContent = drawn.note ?? "";
    source.textContent = given.source
      ? `Numbers: ${given.source}${given.source.startsWith("rec") ? ". Your own sentence: the model is loaded first, some seconds" : ""}.`
      : "";
    shown.tell(read(layer, j));
  });
}

const place = (row) => (row ? `after ${row} block${row > 1 ? "s" : ""}` : "embedding");

function unpacked(given) {
  const [norms, probs, rank, writes, added] = ["norms", "probs", "rank", "writes", "added"].map((name) =>
    floats(given[name]),
  );
  const T = given.tokens.length,
    rows = given.words.length;
  return {
    tokens: given.tokens,
    words: given.words,
    T,
    rows,
    top: given.words[0][0].length,
    norms,
    probs,
    rank,
    writes,
    added,
    written: writes.length > 0,
  };
}

/** The curves of one chart for token j: { title, lines, range, note }. A step of a sum is drawn at its layer, from 1. */
export function curves({ T, rows, norms, rank, writes, added }, chart, j) {
  const column = (values) => Array.from({ length: rows }, (_, row) => [row, values[row * T + j]]);
  const parts = (values) =>
    ["attention", "feed-forward"].map((name, k) => ({
      name,
      colour: COLOURS[k],
      points: Array.from({ length: values.length / (2 * T) }, (_, i) => [i + 1, values[(2 * i + k) * T + j]]),
    }));
  const x = [0, rows - 1];
  if (chart === "rank") {
    const worst = Math.max(10, ...column(rank).map(([, value]) => value));
    return {
      title: "rank of ANSWER (1: likeliest)",
      lines: [{ points: column(rank), colour: "var(--lm-green)" }],
      range: { x, y: [worst, 1], logY: true },
    };
  }
  if (chart === "added" && added.length) {
    const zero = {
      points: [
        [0, 0],
        [rows - 1, 0],
      ],
      colour: "var(--lm-line)",
      dashed: true,
    };
    const total = added.reduce((sum, value, k) => (k % T === j ? sum + value : sum), 0);
    return {
      title: "added to the logit of ANSWER, block by block",
      lines: [...parts(added), zero],
      range: { x },
      note: `all layers together: ${number(total, 2)}`,
    };
  }
  const lengths = [{ name: "the stream", points: column(norms) }, ...parts(writes)];
  const missing =
    chart === "added" ? "What the layers add can't be told apart in this model; here are the lengths." : "";
  return {
    title: "lengths of the stream and of what is added to it",
    lines: lengths,
    range: { x, y: extentOf(lengths) },
    note: missing,
  };
}

function extentOf(lines) {
  const values = lines.flatMap(({ points }) => points.map(([, value]) => value));
  return [0, Math.max(...values)];
}

export default { render };

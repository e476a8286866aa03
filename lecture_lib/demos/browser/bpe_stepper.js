// BPE stepper: the words on the left, the race of the pairs beside them, the merges so far, and a word encoded by them.

import { element } from "./elements.js";
import { bar } from "./charts.js";
import { bytesOf, encodedTrees, trained } from "./bpe.js";
import { chip, chipRow, colourOf, hex, pointed, visible } from "./tokens.js";
import { stepper, textField } from "./controls.js";
import { mergeTree } from "./merge_tree.js";
import { stage } from "./stage.js";

const MOST_WORDS = 12,
  MOST_PAIRS = 7;

function render({ model, el }) {
  const learn = memo(
    () => {
      const { learned, n_merges, text } = model.get("given");
      return learned ? trained(text, n_merges, learned) : trained(model.get("state").text, n_merges);
    },
    () => JSON.stringify([model.get("state").text, model.get("given").learned, model.get("given").text]),
  );
  const at = () => Math.min(model.get("state").step, learn().steps.length - 1);
  const colour = (id) => (id < 256 ? null : colourOf(id));
  const show = (id) => ({ text: visible(learn().vocab[id]), colour: colour(id) });
  const name = (id) => `“${visible(learn().vocab[id])}”`;
  let chased = null; // the pair under the mouse

  const text = textField({ label: "your text", lines: 2, write: (written) => shown.share({ text: written, step: 0 }) });
  const steps = stepper({ label: "merge", count: 1, go: (step) => shown.share({ step }) });
  const say = headline();
  const words = wordTable((id) => id !== null && shown.tell(about(id)));
  const pairs = pairTable((index) => {
    chased = index;
    paintWords();
    if (index !== null) shown.tell(aboutPair(index));
  });
  const merges = mergeList((step) => shown.share({ step }));
  const word = textField({ label: "encode", write: (written) => shown.share({ word: written }) });
  const tree = mergeTree((id) => shown.tell(about(id)));
  const encode = element(
    "div",
    { class: "lm-wide" },
    element("div", { class: "lm-title" }, "A new word, by the merges so far"),
    word.node,
    tree.node,
  );
  const first = learn().steps[at()].pairs.slice(0, 4);
  const shown = stage({
    model,
    el,
    name: "bpe_stepper",
    controls: [text.node, steps.node, say.node],
    open: [words.node],
    answer: [pairs.node, merges.node, encode],
    question: "Which two neighbours will be merged next?",
    options: first
      .sort((a, b) => a[0] - b[0] || a[1] - b[1])
      .map(([left, right]) => `${visible(learn().vocab[left])} + ${visible(learn().vocab[right])}`),
    line: ({ text: written, ...state }) => {
      const { n_merges, usual_merges, train } = model.get("given");
      const own = train ? `, train=${train}` : "";
      return [JSON.stringify(written) + own, { ...(n_merges === usual_merges ? {} : { n_merges }), ...state }];
    },
  });

  const about = (id) => {
    const bytes = learn().vocab[id];
    const made =
      id < 256 ? "a single byte" : `made by merge ${id - 255} of ${learn().merges[id - 256].map(name).join(" and ")}`;
    return `${name(id)}: id ${id}, ${made}; in bytes ${hex(bytes)}`;
  };
  const aboutPair = (index) => {
    const { pairs: all, tied } = learn().steps[at()];
    const [left, right, count] = all[index];
    const tie = index < tied && tied > 1 ? `; ${tied} pairs lead, the one with the smallest ids goes first` : "";
    return `${name(left)} (id ${left}) and ${name(right)} (id ${right}) stand side by side ${count} ${count === 1 ? "time" : "times"}${tie}`;
  };
  const paintWords = () => {
    const step = learn().steps[at()];
    const next = !model.get("predict") || pairs.node.isConnected ? learn().merges[at()] : null; // covered: no hint
    const chase = chased === null ? next : step.pairs[chased];
    words.paint(step, step.merged ? 255 + at() : null, chase, show);
  };
  return shown.run(() => {
    const { steps: all } = learn(),
      state = shown.state(),
      step = all[at()];
    chased = null;
    text.set(state.text);
    word.set(state.word);
    steps.set(at(), all.length);
    say.paint(step, at(), all.length - 1, show);
    paintWords();
    pairs.paint(step, show, at() < all.length - 1 ? learn().merges[at()] : null);
    merges.paint(learn().merges, all, at(), show);
    const pieces = encodedTrees(state.word, learn().merges.slice(0, at()));
    tree.paint(pieces, (id) => ({
      ...show(id),
      text: id < 128 || id > 255 ? visible(learn().vocab[id]) : hex(learn().vocab[id]),
    }));
    const ids = pieces.flatMap((nodes) => nodes.map((node) => node.id));
    const spelled = state.word
      ? ` The word “${state.word}”: ${bytesOf(state.word).length} bytes, ${ids.length} tokens.`
      : "";
    shown.tell(
      `The text: ${step.length} tokens (it began with ${all[0].length}). Vocabulary: ${256 + at()}.${spelled}`,
    );
  });
}

/** A function that remembers its last result for as long as its key is the same. */
function memo(compute, keyOf) {
  let key = null,
    kept = null;
  return () => {
    const now = keyOf();
    if (now !== key) [key, kept] = [now, compute()];
    return kept;
  };
}

/** What the last merge did, in large type. */
function headline() {
  const [left, right, made] = [chip(), chip(), chip()];
  const [before, plus, becomes, after] = Array.from({ length: 4 }, () => element("span"));
  const node = element(
    "div",
    { class: "lm-headline", "aria-live": "polite" },
    before,
    left.node,
    plus,
    right.node,
    becomes,
    made.node,
    after,
  );
  const paint = ({ merged, pairs }, k, last, show) => {
    for (const each of [left.node, right.node, made.node]) each.style.display = merged ? "" : "none";
    const end = k === last && !(pairs[0]?.[2] >= 2) ? " No pair is left that occurs twice." : "";
    before.textContent = merged ? `Merge ${k}: ` : "No merge yet: every token is a single byte.";
    plus.textContent = merged ? " + " : "";
    becomes.textContent = merged ? " → " : "";
    after.textContent =
      (merged ? ` id ${255 + k}; side by side ${merged[2]} ${merged[2] === 1 ? "time" : "times"}.` : "") + end;
    if (!merged) return;
    left.set(show(merged[0]));
    right.set(show(merged[1]));
    made.set({ ...show(255 + k), ring: true });
  };
  return { node, paint };
}

/** The words as chips, the most frequent first. */
function wordTable(onpoint) {
  const table = element("table"),
    more = element("div", { class: "lm-masked" }),
    lines = [];
  const node = element(
    "div",
    {},
    element("div", { class: "lm-title" }, "The words, and how they are cut (underlined: next)"),
    table,
    more,
  );
  pointed(node, "The words as tokens. Arrow keys move.", { onpoint });
  const paint = ({ words }, newest, chase, show) => {
    const order = words
      .map((word, i) => [word, i])
      .sort(([a, i], [b, j]) => b.count - a.count || i - j)
      .map(([word]) => word);
    const count = Math.min(MOST_WORDS, order.length);
    while (lines.length < count) {
      const row = chipRow(),
        times = element("td", { class: "lm-n" });
      const line = element("tr", {}, element("td", { class: "lm-spelled" }, row.node), times);
      lines.push({ row, times, line });
      table.append(line);
    }
    lines.forEach(({ row, times, line }, i) => {
      line.style.display = i < count ? "" : "none";
      if (i >= count) return;
      const { ids } = order[i];
      const under = new Set(
        chase ? ids.flatMap((id, j) => (id === chase[0] && ids[j + 1] === chase[1] ? [j, j + 1] : [])) : [],
      );
      row.paint(ids.map((id, j) => ({ ...show(id), ring: id === newest, under: under.has(j), about: id })));
      times.textContent = `${order[i].count} ×`;
    });
    more.textContent = order.length > count ? `and ${order.length - count} other words` : "";
  };
  return { node, paint };
}

/** The leading pairs as bars: the one that is merged next is marked, and those that are as frequent. */
function pairTable(onpoint) {
  const table = element("table");
  const node = element("div", {}, element("div", { class: "lm-title" }, "Pairs of neighbours, counted"), table);
  const lines = Array.from({ length: MOST_PAIRS }, (_, i) => {
    const parts = {
      left: chip(),
      right: chip(),
      count: element("td", { class: "lm-n" }),
      bar: bar(),
      note: element("td"),
    };
    parts.line = element(
      "tr",
      {},
      element("td", {}, parts.left.node, " + ", parts.right.node),
      parts.count,
      element("td", {}, parts.bar.node),
      parts.note,
    );
    parts.line.addEventListener("pointerenter", () => onpoint(i));
    table.append(parts.line);
    return parts;
  });
  table.addEventListener("pointerleave", () => onpoint(null));
  pointed(node, "Pairs of neighbours. Arrow keys move.", {
    onpoint: (index) => onpoint(index === null ? null : index - 1),
  });
  const paint = ({ pairs, tied }, show, next) => {
    lines.forEach(({ left, right, count, bar: fill, note, line }, i) => {
      line.style.display = i < pairs.length ? "" : "none";
      if (i >= pairs.length) return;
      const [a, b, times] = pairs[i];
      const wins = next !== null && a === next[0] && b === next[1];
      left.set({ ...show(a), about: i + 1 });
      right.set(show(b));
      count.textContent = times;
      fill.set(times / pairs[0][2], wins ? "var(--lm-orange)" : i < tied && tied > 1 ? "var(--lm-yellow)" : undefined);
      note.textContent = wins
        ? tied > 1 && i < tied
          ? "next: tie, smallest ids"
          : "next"
        : i < tied && tied > 1
          ? "tie"
          : "";
    });
  };
  return { node, paint };
}

/** The merges so far; each leads back to its own moment. */
function mergeList(go) {
  const table = element("table"),
    scroll = element("div", { class: "lm-scroll lm-short" }, table),
    lines = [];
  const node = element("div", {}, element("div", { class: "lm-title" }, "Merges so far"), scroll);
  pointed(node, "Merges so far. Arrow keys move, Enter goes to one.", { onact: go });
  const paint = (merges, steps, k, show) => {
    while (lines.length < merges.length) {
      const parts = {
        number: element("td", { class: "lm-n lm-note" }),
        left: chip(),
        right: chip(),
        made: chip(),
        note: element("td", { class: "lm-note" }),
      };
      parts.line = element(
        "tr",
        {},
        parts.number,
        element("td", {}, parts.left.node, " + ", parts.right.node, " → ", parts.made.node),
        parts.note,
      );
      lines.push(parts);
      table.append(parts.line);
    }
    lines.forEach(({ number, left, right, made, note, line }, i) => {
      line.style.display = i < k ? "" : "none";
      if (i >= k) return;
      number.textContent = i + 1;
      left.set(show(merges[i][0]));
      right.set(show(merges[i][1]));
      made.set({ ...show(256 + i), ring: i === k - 1, about: i + 1 });
      note.textContent = `${256 + i}, ${steps[i + 1].merged[2]} ×`;
    });
    scroll.scrollTop = scroll.scrollHeight;
  };
  return { node, paint };
}

export default { render };

// Alignment: word by word, whom in the source the word that is being written looks at.

import { attribute, element, floats, keys, number, pool, shape } from "./elements.js";
import { BLUE, heatMap } from "./heat_map.js";
import { choice, slider, stepper } from "./controls.js";
import { stage } from "./stage.js";

const [LEAST, CLEAR] = [0.02, 0.25]; // shares below are not drawn as arcs: of the word being written, of those before it

/** The source word with the largest share, and that share: [index, share]. */
export function leader(shares) {
  return shares.reduce(([best, most], share, j) => (share > most ? [j, share] : [best, most]), [0, -Infinity]);
}

/** Effective number of source words looked at: e to the entropy of the shares, 1 to T. */
export function breadth(shares) {
  return Math.exp(shares.reduce((sum, share) => (share > 0 ? sum - share * Math.log(share) : sum), 0));
}

/** Where words of these lengths stand: their middles, with the sentence in the middle of `width`. */
export function places(lengths, width, letter, gap) {
  const sizes = lengths.map((length) => length * letter + gap);
  let x = (width - sizes.reduce((a, b) => a + b, 0)) / 2;
  return sizes.map((size) => {
    const middle = x + size / 2;
    x += size;
    return middle;
  });
}

function render({ model, el }) {
  const { own, frames, sentences, call } = model.get("given");
  const tables = sentences.map((_, i) => floats(model.get("given")[`weights${i}`]));
  const now = () => {
    const { row, frame, sentence } = shown.state();
    const { source, target } = sentences[sentence];
    const [T, S] = [target.length, source.length];
    const table = tables[sentence].subarray(frame * T * S, (frame + 1) * T * S);
    return {
      row: Math.min(row, T - 1),
      source,
      target,
      table,
      of: (t) => Array.from(table.subarray(t * S, (t + 1) * S)),
    };
  };
  const right = (t) => {
    const { frame, sentence } = shown.state();
    const given = floats(shown.given()[`right${sentence}`]);
    return given.length
      ? `. The translator gave this word ${number(given[frame * sentences[sentence].target.length + t], 3)}`
      : "";
  };
  const tell = (t, s = null) => {
    const { source, target, of } = now();
    if (!holder.isConnected) return shown.tell(`“${target[t]}” is being written.`);
    const shares = of(t);
    const [first] = leader(shares);
    shown.tell(
      s === null
        ? `“${target[t]}”: most from “${source[first]}”, ${number(shares[first], 4)}; as wide as ${number(breadth(shares), 1)} equal words${right(t)}`
        : `“${target[t]}” ← “${source[s]}”: share ${number(shares[s], 4)}`,
    );
  };
  const go = (row) => shown.share({ row });
  const which = choice({
    label: "sentence",
    options: sentences.map(({ source }) => `${source.length} words: ${source.slice(0, 3).join(" ")} …`),
    choose: (sentence) => shown.share({ sentence, row: 0 }),
  });
  const step = stepper({
    label: "target word",
    count: sentences[0].target.length,
    go,
    every: 900,
    show: (i, total) => `writes word ${i + 1} of ${total}`,
  });
  const when = slider({
    label: own ? "table" : "trained for",
    min: 0,
    max: frames.length - 1,
    show: (i) => frames[i],
    move: (frame) => shown.share({ frame }),
  });
  const arcs = between(
    (t) => {
      go(t);
      tell(t);
    },
    (t, s) => tell(t, s),
  );
  const holder = element("div");
  const note = element(
    "div",
    { style: "max-width:40em;margin-top:0.6em" },
    own
      ? ""
      : "Recorded here: a small translator with additive attention, trained on other sentences of a toy language of ours (verb first, colour after " +
          "its animal, article “o” before animals and “u” before places). ",
    element(
      "span",
      { class: "lm-answer" },
      own
        ? ""
        : "Weights point at the reader's states, which know their neighbours too: “rifa” looks at “near”, close to “reef”, and is right.",
    ),
  );
  const shown = stage({
    model,
    el,
    name: "alignment",
    controls: [
      ...(own ? [] : [which.node]),
      element("div", { class: "lm-row" }, step.node, ...(frames.length > 1 ? [when.node] : [])),
    ],
    open: [
      element(
        "div",
        { style: "min-width:0;max-width:100%" },
        element("div", { class: "lm-title" }, "source above, target below: click a target word"),
        element("div", { class: "lm-across" }, arcs.node),
        note,
      ),
    ],
    answer: [holder],
    question: "Which source word will each target word look at most?",
    line: ({ row, frame, sentence }) => [call, own ? { row, frame } : { row, frame, sentence }],
  });
  const maps = []; // one for each sentence: made anew at every change, they leave garbage, whose collection is seen
  let map = null,
    drawn = null;
  return shown.run(() => {
    const { frame, sentence } = shown.state();
    const { row, source, target, of } = now();
    which.set(sentence);
    step.set(row, target.length);
    when.set(frame);
    if (drawn !== sentence) {
      drawn = sentence;
      map = maps[sentence] ??= heatMap({
        rows: target,
        columns: source,
        largest: 40,
        size: 330,
        title: "weights: target (row), source (column)",
        label: "The weights. Arrow keys move, Enter chooses the word that is being written.",
        onpoint: tell,
        onact: go,
      });
      holder.replaceChildren(map.node);
    }
    const rows = target.map((_, t) => of(t));
    map.paint((t, s) => ({ fill: BLUE, opacity: t <= row ? rows[t][s] : 0 }));
    map.mark(row);
    arcs.paint(source, target, rows, row, holder.isConnected);
    tell(row);
  });
}

/** The two sentences, one above the other, arcs between them; the word being written has its bars of shares. */
function between(onact, onpoint) {
  const [letter, gap, top, bar, far] = [9.4, 12, 92, 60, 150];
  const label = "The two sentences. Arrow keys choose the word that is being written.";
  const svg = shape("svg", { height: top + far + 40, role: "radiogroup", "aria-label": label });
  const lines = shape("g"),
    sources = [],
    targets = [],
    paths = [];
  svg.append(lines);
  const earlier = pool(lines, () => shape("path", { fill: "none", stroke: "currentColor", class: "lm-answer" }));
  const word = (y) => {
    const text = shape("text", { y, "text-anchor": "middle", "font-size": 17 });
    svg.append(text);
    return text;
  };
  const grow = (S, T) => {
    while (sources.length < S) {
      const fill = shape("rect", { width: 26, rx: 2, fill: BLUE, class: "lm-answer lm-bar" });
      const figure = shape("text", { "text-anchor": "middle", "font-size": 16, class: "lm-answer" });
      svg.append(fill, figure);
      const s = sources.length;
      const name = word(top + 4);
      for (const part of [fill, name]) part.addEventListener("pointerenter", () => onpoint(at, s));
      sources.push({ name, fill, figure });
      paths.push(shape("path", { fill: "none", stroke: BLUE, "stroke-linecap": "round", class: "lm-answer" }));
      lines.append(paths.at(-1));
    }
    while (targets.length < T) {
      const t = targets.length;
      const name = word(top + far);
      attribute(name, { role: "radio", style: "cursor:pointer" });
      const step = (by) => () => {
        const to = Math.min(count - 1, Math.max(0, t + by));
        onact(to);
        targets[to].focus();
      };
      keys(name, {
        ArrowLeft: step(-1),
        ArrowRight: step(1),
        Home: step(-count),
        End: step(count),
        Enter: () => onact(t),
        " ": () => onact(t),
      });
      name.addEventListener("click", () => onact(t));
      targets.push(name);
    }
  };
  const arc = (from, to) => `M${from},${top + 14}C${from},${top + 80} ${to},${top + far - 90} ${to},${top + far - 22}`;
  let at = 0,
    count = 0;
  const paint = (source, target, rows, row, open) => {
    [at, count] = [row, target.length];
    grow(source.length, target.length);
    const lengths = (words) => words.map((text) => Math.max(3, text.length));
    const width = Math.max(
      ...[source, target].map((words) => lengths(words).reduce((sum, length) => sum + length * letter + gap, 0)),
    );
    svg.setAttribute("width", width);
    const above = places(lengths(source), width, letter, gap),
      below = places(lengths(target), width, letter, gap);
    sources.forEach(({ name, fill, figure }, s) => {
      const seen = s < source.length,
        share = rows[row][s] ?? 0;
      for (const part of [name, fill, figure]) part.setAttribute("visibility", seen ? "visible" : "hidden");
      if (!seen) return;
      name.textContent = source[s];
      attribute(name, { x: above[s], "font-weight": open && share > 0.3 ? 700 : 400 });
      attribute(fill, { x: above[s] - 13, y: top - 16 - bar * share, height: bar * share });
      attribute(figure, { x: above[s], y: top - 20 - bar * share });
      figure.textContent = share >= LEAST ? number(share) : "";
      attribute(paths[s], {
        d: arc(above[s], below[row]),
        "stroke-width": 1 + 13 * share,
        "stroke-opacity": share >= LEAST ? 0.25 + 0.6 * share : 0,
      });
    });
    const before = rows.slice(0, row).flatMap((shares, t) => shares.map((share, s) => ({ share, t, s })));
    earlier.paint(
      before.filter(({ share }) => share > CLEAR),
      (path, { share, t, s }) => {
        attribute(path, { d: arc(above[s], below[t]), "stroke-width": 4 * share, "stroke-opacity": 0.3 * share });
      },
    );
    paths.slice(source.length).forEach((path) => path.setAttribute("stroke-opacity", 0));
    targets.forEach((name, t) => {
      name.setAttribute("visibility", t < target.length ? "visible" : "hidden");
      if (t >= target.length) return;
      name.textContent = target[t];
      attribute(name, {
        x: below[t],
        opacity: t <= row ? 1 : 0.3,
        "font-weight": t === row ? 700 : 400,
        fill: "currentColor",
        "text-decoration": t === row ? "underline" : "none",
        "aria-checked": String(t === row),
        tabindex: t === row ? 0 : -1,
      });
    });
  };
  return { node: svg, paint };
}

export default { render };

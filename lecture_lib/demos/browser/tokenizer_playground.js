// Tokenizer playground: a row of chips for each tokenizer; a token that is pointed at marks its part of the text in all.

import { element, number } from "./elements.js";
import { bar } from "./charts.js";
import { textField, toggle, tools } from "./controls.js";
import { chipRow, colourOf, pointed } from "./tokens.js";
import { stage } from "./stage.js";

function render({ model, el }) {
  const cuts = () => model.get("given").cuts;
  let at = null; // [row, token] under the mouse or the arrow keys
  const text = textField({ label: "your text", lines: 2, write: (written) => shown.share({ text: written }) });
  const smol = toggle({
    label: "SmolLM2's tokenizer, too (49,152 tokens)",
    turn: (smollm2) => shown.share({ smollm2 }),
  });
  const tries = tools(
    ...model.get("given").tries.map(([name, written]) => [name, () => shown.share({ text: written })]),
  );
  const holder = element("div", { class: "lm-wide lm-cuts" }),
    rows = [];
  const point = (index) => (about) => {
    at = about === null ? null : [index, about];
    paint();
    shown.tell(at ? aboutToken(cuts()[index], about) : summary(cuts(), model.get("state").text));
  };
  const grow = () => {
    const [size, each, said] = Array.from({ length: 3 }, () => element("div"));
    const parts = { name: element("div", { class: "lm-title" }), size, bar: bar(), each, chips: chipRow(), said };
    const index = rows.length;
    const right = element("div", { class: "lm-cut" }, parts.chips.node, parts.said);
    parts.node = element(
      "div",
      { class: "lm-tokenizer" },
      element("div", {}, parts.name, parts.size, parts.bar.node, parts.each),
      right,
    );
    pointed(right, "Tokens. Arrow keys move.", { onpoint: point(index) });
    rows.push(parts);
    holder.append(parts.node);
  };
  const paint = () => {
    while (rows.length < cuts().length) grow();
    const most = Math.max(1, ...cuts().map(({ count }) => count));
    const chosen = at && cuts()[at[0]]?.spans[at[1]];
    rows.forEach((parts, i) => {
      const cut = cuts()[i];
      parts.node.style.display = cut ? "" : "none";
      if (!cut) return;
      parts.name.textContent = cut.name;
      parts.size.textContent = cut.error ? "" : `${cut.count} tokens`;
      parts.bar.set(cut.count / most);
      parts.each.textContent = cut.count
        ? `${number(cut.bytes / cut.count, 1)} bytes each${cut.unknown ? `, ${cut.unknown} unknown` : ""}`
        : "";
      parts.chips.paint(
        cut.tokens.map((token, j) => ({
          text: token,
          about: j,
          colour: cut.strange[j] ? "var(--lm-orange)" : colourOf(3 * (j % 2)),
          ring: cut.strange[j],
          under: overlap(chosen, cut.spans[j]),
        })),
      );
      const left = cut.count - cut.tokens.length;
      parts.said.textContent = cut.error ? `${cut.name} ${cut.error}` : left > 0 ? `and ${left} more` : "";
    });
  };
  const shown = stage({
    model,
    el,
    name: "tokenizer_playground",
    controls: [text.node, element("div", { class: "lm-row" }, tries, smol.node)],
    answer: [holder],
    question: "Which tokenizer will need the fewest tokens?",
    options: cuts().map(({ name }) => name),
    line: ({ text: written, smollm2 }) => [model.get("given").call, { text: written, ...(smollm2 ? { smollm2 } : {}) }],
  });
  return shown.run(() => {
    const state = shown.state();
    text.set(state.text);
    smol.set(state.smollm2);
    at = null;
    paint();
    shown.tell(summary(cuts(), state.text, model.get("given").most));
  });
}

/** Whether two spans of the text share a byte. */
function overlap(one, other) {
  return Boolean(one && other && one[0] < other[1] && other[0] < one[1]);
}

function aboutToken(cut, j) {
  const id = cut.ids.length ? `id ${cut.ids[j]}, ` : "";
  const strange = cut.strange[j] ? "not in the vocabulary, so what stood here is lost; " : "";
  const bytes = cut.hex[j] ? cut.hex[j].split(" ").length : 0;
  return `${cut.name}, token ${j + 1}: “${cut.tokens[j]}”, ${strange}${id}${counted(bytes, "byte")}: ${cut.hex[j]}`;
}

const counted = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

export function summary(cuts, text, most) {
  const fine = cuts.filter(({ error }) => !error);
  const sizes = fine
    .map(({ name, count, unknown }) => `${name} ${count}${unknown ? ` (${unknown} unknown)` : ""}`)
    .join(", ");
  const written = Array.from(text).length;
  const read = written > most ? ` (only the first ${most.toLocaleString("en")} are cut)` : "";
  return `${counted(written, "character")}${read}, ${counted(fine[0]?.bytes ?? 0, "byte")}. Tokens: ${sizes}.`;
}

export default { render };

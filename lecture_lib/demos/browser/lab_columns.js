// The decoding lab's columns: the mass that each link keeps and cuts, then a bar for each token.

import { element, keys, number } from "./elements.js";
import { template } from "./lab_cards.js";

/** A row for each token and, if there are more, one for all others; a column for the model, for each link, for the dice. */
export function columns({ tokens, rows, others, point, act }) {
  const count = rows.length + others;
  const label = "The distributions. Arrow keys move, Enter writes the token.";
  const node = element("div", { class: "lm-lab", tabindex: 0, role: "application", "aria-label": label });
  const names = Array.from({ length: count }, (_, r) => {
    const text = element(
      "b",
      {},
      rows[r] === undefined ? `${(tokens.length - rows.length).toLocaleString("en")} others` : tokens[rows[r]],
    );
    const times = element("span", {});
    return {
      times,
      line: element("div", { class: "lm-lab-row lm-lab-token", "data-r": r, title: "click: write it" }, text, times),
    };
  });
  const legend = element(
    "div",
    { class: "lm-lab-figures" },
    element("b", {}, "mass cut"),
    element("br"),
    "tokens left",
    element("br"),
    "entropy",
  );
  const head = element("div", {}, element("div", { class: "lm-lab-mass" }), legend);
  const left = element("div", {}, head, ...names.map((name) => name.line));
  const pool = [];
  const end = column(count);
  let at = [0, 0];
  const go = (s, r) => {
    at = [Math.min(Math.max(s, 0), node.children.length - 2), Math.min(Math.max(r, 0), count - 1)];
    node.querySelector(".lm-at")?.classList.remove("lm-at");
    node.children[at[0] + 1].querySelector(`[data-r="${at[1]}"]`).classList.add("lm-at");
    point(...at);
  };
  node.addEventListener("pointerover", ({ target }) => {
    const line = target.closest("[data-r]");
    const s = line ? [...node.children].indexOf(line.parentNode) - 1 : -1;
    if (line) go(Math.max(0, s), Number(line.dataset.r));
  });
  node.addEventListener("click", ({ target }) => {
    const line = target.closest(".lm-lab-token");
    if (line) act(Number(line.dataset.r));
  });
  const by = (s, r) => () => go(at[0] + s, at[1] + r);
  keys(node, {
    ArrowLeft: by(-1, 0),
    ArrowRight: by(1, 0),
    ArrowUp: by(0, -1),
    ArrowDown: by(0, 1),
    Enter: () => act(at[1]),
    " ": () => act(at[1]),
  });
  const paint = (found, { drawn, draws, history, single }) => {
    while (pool.length < found.length) pool.push(column(count));
    node.style.gridTemplateColumns = template(found.length - 1);
    const wanted = [left, ...pool.slice(0, found.length).map((part) => part.node), ...(single ? [] : [end.node])];
    if (wanted.length !== node.children.length || wanted.some((part, i) => node.children[i] !== part))
      node.replaceChildren(...wanted);
    names.forEach(({ times }, r) => {
      const seen = history.filter((place) => place === rows[r]).length;
      times.textContent = seen ? `×${seen}` : "";
    });
    const rest = (values) => values.reduce((sum, v) => sum + v, 0) - rows.reduce((sum, i) => sum + values[i], 0);
    const shares = (values) => [...rows.map((i) => values[i]), ...(others ? [rest(values)] : [])];
    const bars = found.map(({ probs, before }) => ({ now: shares(probs), was: shares(before) }));
    const largest = Math.max(...bars.flatMap(({ now }) => now.slice(0, rows.length)));
    found.forEach((part, s) => pool[s].paint(part, bars[s], largest, s > 0));
    if (!single) end.pour(shares(drawn.counts), bars.at(-1).now, draws, largest);
  };
  return { node, paint };
}

function column(count) {
  const kept = element("i"),
    mass = element("div", { class: "lm-lab-mass" }, kept, element("u")),
    figures = element("div", { class: "lm-lab-figures" });
  const lines = Array.from({ length: count }, (_, r) => {
    const parts = { was: element("i"), now: element("i"), text: element("span") };
    parts.line = element("div", { class: "lm-lab-row", "data-r": r }, parts.was, parts.now, parts.text);
    return parts;
  });
  const size = (node, share) => {
    node.style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
  };
  const paint = ({ cut, kept: left, entropy }, { now, was }, largest, linked) => {
    size(kept, 1 - cut);
    const lost = linked && cut > 0 ? element("b", {}, `−${number(cut, 3)}`) : linked ? "nothing cut" : "all of it";
    figures.replaceChildren(lost, element("br"), left.toLocaleString("en"), element("br"), `${number(entropy)} nats`);
    lines.forEach(({ line, was: ghost, now: fill, text }, r) => {
      const gone = linked && now[r] <= 0 && was[r] > 0;
      ghost.className = gone ? "lm-lost" : "lm-was";
      fill.className = "lm-now";
      size(ghost, linked ? was[r] / largest : 0);
      ghost.style.visibility = linked && was[r] > 0 ? "" : "hidden";
      size(fill, now[r] / largest);
      line.classList.toggle("lm-gone", gone);
      text.textContent = gone ? "cut" : now[r] > 0 ? number(now[r], 3) : "·";
    });
  };
  const pour = (counts, due, draws, largest) => {
    mass.style.visibility = "hidden";
    const gap = Math.max(...counts.map((times, r) => Math.abs(times / Math.max(1, draws) - due[r])));
    figures.replaceChildren(
      "bars: drawn",
      element("br"),
      "strokes: expected",
      element("br"),
      draws ? `furthest off ${number(gap, 3)}` : "",
    );
    lines.forEach(({ was, now, text }, r) => {
      was.className = "lm-drawn";
      now.className = "lm-due";
      size(was, draws ? counts[r] / draws / largest : 0);
      size(now, due[r] / largest);
      now.style.visibility = due[r] > 0 ? "" : "hidden";
      text.textContent = counts[r] ? `${counts[r]}×` : due[r] > 0 ? "0×" : "·";
    });
  };
  return {
    node: element("div", { style: "min-width:0" }, mass, figures, ...lines.map((parts) => parts.line)),
    paint,
    pour,
  };
}

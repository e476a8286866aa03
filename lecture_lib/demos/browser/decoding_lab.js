// Decoding lab: a column for each link of the chain, in any order, and dice at its end.

import { element, floats, keys, number } from "./elements.js";
import { slider, toggle, tools } from "./controls.js";
import { barList } from "./charts.js";
import { described, stagesOf } from "./filters.js";
import { samples } from "./dice.js";
import { stage } from "./stage.js";

const PACE = 60, POUR = 25, MOST_DRAWS = 5000; // milliseconds between pours, draws in one, draws in all
const RANGES = {
  repetition: [1, 3, 0.1, 1.2], presence: [0, 3, 0.1, 1], frequency: [0, 3, 0.1, 0.5], temperature: [0, 3, 0.05, 0.8],
  top_p: [0.05, 1, 0.05, 0.9], min_p: [0, 1, 0.05, 0.1], typical: [0.05, 1, 0.05, 0.9],
};
const written = (name) => name.replace("_", "-");
const amountOf = (value) => String(Number(value.toFixed(4)));

function render({ model, el }) {
  const { tokens, rows, links, scores: sent } = model.get("given");
  const scores = Array.isArray(sent) ? sent : Array.from(floats(sent));
  const others = tokens.length > rows.length;
  const state = () => model.get("state");
  const share = (changes) => shown.share(changes);
  const moved = (name, to) => {
    const chain = state().chain.filter(([other]) => other !== name);
    chain.splice(Math.min(Math.max(to, 0), chain.length), 0, state().chain.find(([other]) => other === name));
    share({ chain });
  };
  const at = (name) => state().chain.findIndex(([other]) => other === name);
  const cards = cardRow({ vocab: tokens.length, chain: () => state().chain, share, moved, at, dice: diceTools(state, share) });
  const write = (place) => { if (place !== undefined) share({ history: [...state().history, place] }); };
  const picture = columns({ tokens, rows, others, point: (s, r) => tellOf(s, r), act: (r) => write(rows[r]) });
  const own = barList({ title: "the model's own distribution", rows: rows.length });  // seen while the answer is covered
  own.node.classList.add("lm-lab-own");
  const line = element("div", { class: "lm-lab-line" });
  const alone = toggle({ label: "each link alone, on the model's own distribution", turn: (on) => share({ alone: on, draws: 0 }) });
  const shown = stage({
    model, el, name: "decoding_lab", controls: [line, alone.node, cards.node], open: [own.node], answer: [picture.node],
    question: "How many tokens can still be drawn at the end?", options: tokens.length <= 12 ? tokens.map((_, i) => String(i + 1)) : [],
    line: (now) => [model.get("given").call, { ...now, chain: now.chain, history: now.history.map((place) => nameOf(tokens, place)) }],
  });
  let found = null, known = "", drawn = null;
  const tellOf = (s, r) => shown.tell(found ? sayCell({ tokens, rows, found, drawn, draws: state().draws }, s, r) : "");
  return shown.run(() => {
    const { chain, history, alone: single, draws, seed } = state();
    const { probs, answered } = shown.given();
    const key = JSON.stringify([chain, history, single, probs ? answered : 0, probs?.byteOffset ?? 0]);
    if (probs) {
      if (JSON.stringify(answered) === JSON.stringify(chain)) found = described(split(floats(probs), chain.length + 1), chain, single);
    } else if (key !== known) found = stagesOf(scores, chain, history, single);
    known = key;
    const end = found.at(-1);
    drawn = samples(single ? found[0].probs : end.probs, draws, seed);
    historyLine(line, { tokens, history, chain, links, share });
    alone.set(single);
    cards.paint(chain, single, draws);
    picture.paint(found, { drawn, draws, history, single });
    own.paint(rows.map((i) => ({ name: tokens[i], value: found[0].probs[i], share: found[0].probs[i] / found[0].probs[rows[0]] })));
    shown.tell(shown.node.contains(picture.node) ? sayAll(found, single) : "");
  });
}

const nameOf = (tokens, place) => (tokens.indexOf(tokens[place]) === tokens.lastIndexOf(tokens[place]) ? tokens[place] : place);

function split(values, count) {
  const V = values.length / count;
  return Array.from({ length: count }, (_, s) => Array.from(values.subarray(s * V, (s + 1) * V)));
}

/** What the chain did, in a sentence. */
export function sayAll(found, single) {
  const [first, end] = [found[0], found.at(-1)];
  if (single) return "Each column begins with the model's own distribution: no link sees what another did.";
  const held = first.probs.reduce((sum, p, i) => (end.probs[i] > 0 ? sum + p : sum), 0);
  const tokens = end.kept === 1 ? "1 token" : `${end.kept} tokens`;
  return `${tokens} of ${first.kept} can still be drawn; the model gave them ${number(held, 3)} together. Entropy: ${number(first.entropy)} → ${number(end.entropy)} nats.`;
}

function sayCell({ tokens, rows, found, drawn, draws }, s, r) {
  const rest = rows[r] === undefined;
  const token = rest ? `the other ${tokens.length - rows.length} tokens` : `“${tokens[rows[r]]}”`;
  const held = (probs) => (rest ? 1 - rows.reduce((sum, i) => sum + probs[i], 0) : probs[rows[r]]);
  if (s === found.length) {
    const times = rest ? draws - rows.reduce((sum, i) => sum + drawn.counts[i], 0) : drawn.counts[rows[r]];
    const part = draws ? `, a share of ${number(times / draws, 4)}` : "";
    return `${token}: drawn ${times} times of ${draws}${part}; its probability is ${number(held(found.at(-1).probs), 4)}`;
  }
  const { name, amount, probs, before } = found[s];
  if (s === 0) return `${token}: ${number(held(probs), 4)} from the model`;
  const lost = held(probs) === 0 && held(before) > 0 ? ", cut off" : "";
  return `${token}: ${number(held(before), 4)} before ${written(name)} ${amountOf(amount)}, ${number(held(probs), 4)} after${lost}`;
}

/** What was written before, and the links that the chain does not hold yet. */
function historyLine(node, { tokens, history, chain, links, share }) {
  const missing = links.filter((name) => !chain.some(([other]) => other === name));
  const add = (name) => () => share({ chain: [...chain, [name, name === "top_k" ? Math.min(5, tokens.length) : RANGES[name][3]]] });
  node.replaceChildren(
    element("span", {}, `written before: ${history.length ? history.slice(-12).map((place) => tokens[place]).join(", ") : "nothing"}`),
    ...(history.length ? [element("button", { type: "button", onclick: () => share({ history: history.slice(0, -1) }) }, "take one back")] : []),
    ...missing.map((name) => element("button", { type: "button", onclick: add(name) }, `+ ${written(name)}`)),
  );
}

function diceTools(state, share) {
  let pouring = null;
  const stop = () => { clearInterval(pouring); pouring = null; };
  const pour = () => {
    if (state().draws >= MOST_DRAWS) return stop();
    share({ draws: Math.min(MOST_DRAWS, state().draws + POUR) });
  };
  const roll = (count) => () => { stop(); share({ draws: Math.min(MOST_DRAWS, state().draws + count) }); };
  return tools(
    ["roll", roll(1)], ["roll 100", roll(100)],
    ["keep rolling", () => { if (pouring) stop(); else pouring = setInterval(pour, PACE); }],
    ["other dice", () => { stop(); share({ seed: state().seed + 1, draws: 0 }); }],
  );
}

/** The heads of the columns: the model, a card for each link, the dice. */
function cardRow({ vocab, chain, share, moved, at, dice }) {
  const node = element("div", { class: "lm-lab" });
  const title = (text) => element("div", { style: "font-weight:600" }, text);
  const corner = element("div", { style: "align-self:end;opacity:0.75" }, "drag a name, or ◀ ▶: another order"), rolled = element("div", {});
  const first = element("div", { class: "lm-lab-card" }, title("the model"), element("div", {}, "its own", element("br"), "distribution"));
  const last = element("div", { class: "lm-lab-card" }, title("the dice"), dice, rolled);
  const made = {};
  const cardOf = (name) => (made[name] ??= card(name, { vocab, chain, share, moved, at, made }));
  const paint = (links, single, draws) => {
    node.style.gridTemplateColumns = template(links.length);
    const focused = node.contains(document.activeElement) ? document.activeElement : null;
    const wanted = [corner, first, ...links.map(([name]) => cardOf(name).node), last];
    if (wanted.length !== node.children.length || wanted.some((part, i) => node.children[i] !== part)) {
      node.replaceChildren(...wanted);
      focused?.focus();
    }
    for (const [name, amount] of links) cardOf(name).set(amount);
    last.style.visibility = single ? "hidden" : "";
    rolled.textContent = draws === 1 ? "1 roll" : `${draws} rolls`;
  };
  return { node, paint };
}

const template = (count) => `minmax(5.5em, 7.5em) minmax(5.6em, 1fr) repeat(${count}, minmax(6.4em, 1fr)) minmax(9.5em, 1.3fr)`;

function card(name, { vocab, chain, share, moved, at, made }) {
  const [min, max, step] = RANGES[name] ?? [1, Math.min(vocab, 100), 1];
  const amount = slider({
    label: written(name), min, max: Math.max(max, chain().find(([other]) => other === name)[1]), step, show: amountOf,
    move: (value) => share({ chain: chain().map((link) => (link[0] === name ? [name, value] : link)) }),
  });
  const by = (steps) => () => moved(name, at(name) + steps);
  const handle = element("button", { type: "button", class: "lm-lab-name", "aria-label": `${written(name)}: drag, or arrow keys, to move it in the chain` }, written(name));
  keys(handle, { ArrowLeft: by(-1), ArrowRight: by(1), Delete: () => share({ chain: chain().filter(([other]) => other !== name) }) });
  const button = (label, sign, act) => element("button", { type: "button", "aria-label": `${written(name)} ${label}`, title: `${written(name)} ${label}`, onclick: act }, sign);
  const row = element("div", { class: "lm-tools" }, button("earlier", "◀", by(-1)), button("later", "▶", by(1)), button("out", "✕", () => share({ chain: chain().filter(([other]) => other !== name) })));
  const node = element("div", { class: "lm-lab-card", "data-link": name }, handle, amount.node, row);
  handle.addEventListener("pointerdown", () => {
    node.classList.add("lm-dragged");
    const follow = (event) => {
      const over = chain().findIndex(([other]) => {
        const box = made[other].node.getBoundingClientRect();
        return event.clientX >= box.left && event.clientX <= box.right;
      });
      if (over >= 0 && over !== at(name)) moved(name, over);
    };
    const drop = () => { node.classList.remove("lm-dragged"); window.removeEventListener("pointermove", follow); };
    window.addEventListener("pointermove", follow);
    window.addEventListener("pointerup", drop, { once: true });
  });
  return { node, set: amount.set };
}

/** The columns themselves: the mass that each link keeps and cuts, then a bar for each token. */
function columns({ tokens, rows, others, point, act }) {
  const count = rows.length + others;
  const node = element("div", { class: "lm-lab", tabindex: 0, role: "application", "aria-label": "The distributions. Arrow keys move, Enter writes the token." });
  const names = Array.from({ length: count }, (_, r) => {
    const text = element("b", {}, rows[r] === undefined ? `${(tokens.length - rows.length).toLocaleString("en")} others` : tokens[rows[r]]);
    const times = element("span", {});
    return { times, line: element("div", { class: "lm-lab-row lm-lab-token", "data-r": r, title: "click: write it" }, text, times) };
  });
  const head = element("div", {}, element("div", { class: "lm-lab-mass", style: "background:none" }), element("div", { class: "lm-lab-figures" }, "of the mass,", element("br"), "kept and ", element("b", {}, "cut")));
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
  node.addEventListener("click", ({ target }) => { const line = target.closest(".lm-lab-token"); if (line) act(Number(line.dataset.r)); });
  const by = (s, r) => () => go(at[0] + s, at[1] + r);
  keys(node, { ArrowLeft: by(-1, 0), ArrowRight: by(1, 0), ArrowUp: by(0, -1), ArrowDown: by(0, 1), Enter: () => act(at[1]), " ": () => act(at[1]) });
  const paint = (found, { drawn, draws, history, single }) => {
    while (pool.length < found.length) pool.push(column(count));
    node.style.gridTemplateColumns = template(found.length - 1);
    const wanted = [left, ...pool.slice(0, found.length).map((part) => part.node), ...(single ? [] : [end.node])];
    if (wanted.length !== node.children.length || wanted.some((part, i) => node.children[i] !== part)) node.replaceChildren(...wanted);
    names.forEach(({ times }, r) => {
      const seen = history.filter((place) => place === rows[r]).length;
      times.textContent = seen ? `×${seen}` : "";
    });
    const shares = (values) => [...rows.map((i) => values[i]), ...(others ? [values.reduce((sum, v) => sum + v, 0) - rows.reduce((sum, i) => sum + values[i], 0)] : [])];
    const bars = found.map(({ probs, before }) => ({ now: shares(probs), was: shares(before) }));
    const largest = Math.max(...bars.flatMap(({ now }) => now.slice(0, rows.length)));
    found.forEach((part, s) => pool[s].paint(part, bars[s], largest, s > 0));
    if (!single) end.pour(shares(drawn.counts), bars.at(-1).now, draws, largest);
  };
  return { node, paint };
}

function column(count) {
  const kept = element("i"), mass = element("div", { class: "lm-lab-mass" }, kept, element("u")), figures = element("div", { class: "lm-lab-figures" });
  const lines = Array.from({ length: count }, (_, r) => {
    const parts = { was: element("i"), now: element("i"), text: element("span") };
    parts.line = element("div", { class: "lm-lab-row", "data-r": r }, parts.was, parts.now, parts.text);
    return parts;
  });
  const size = (node, share) => { node.style.width = `${100 * Math.min(1, Math.max(0, share))}%`; };
  const paint = ({ cut, kept: left, entropy }, { now, was }, largest, linked) => {
    size(kept, 1 - cut);
    figures.replaceChildren(linked && cut > 0 ? element("b", {}, `−${number(cut, 3)}`) : linked ? "nothing cut" : "all of it", element("br"), `${left.toLocaleString("en")} left`, element("br"), `entropy ${number(entropy)}`);
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
    figures.replaceChildren("bars: drawn", element("br"), "strokes: expected", element("br"), draws ? `furthest off ${number(gap, 3)}` : "");
    lines.forEach(({ was, now, text }, r) => {
      was.className = "lm-drawn";
      now.className = "lm-due";
      size(was, draws ? counts[r] / draws / largest : 0);
      size(now, due[r] / largest);
      now.style.visibility = due[r] > 0 ? "" : "hidden";
      text.textContent = counts[r] ? `${counts[r]}×` : due[r] > 0 ? "0×" : "·";
    });
  };
  return { node: element("div", { style: "min-width:0" }, mass, figures, ...lines.map((parts) => parts.line)), paint, pour };
}

export default { render };

// The heads of the decoding lab's columns: the model, a card for each link of the chain, the dice.

import { element, keys } from "./elements.js";
import { slider, tools } from "./controls.js";

const PACE = 60,
  POUR = 25; // milliseconds between pours, draws in one
export const RANGES = {
  repetition: [1, 3, 0.1, 1.2],
  presence: [0, 3, 0.1, 1],
  frequency: [0, 3, 0.1, 0.5],
  temperature: [0, 3, 0.05, 0.8],
  top_p: [0.05, 1, 0.05, 0.9],
  min_p: [0, 1, 0.05, 0.1],
  typical: [0.05, 1, 0.05, 0.9],
};
export const written = (name) => name.replace("_", "-");
export const amountOf = (value) => String(Number(value.toFixed(4)));

/** The row of heads: paint(chain, single, draws). Cards are kept by their link's name, so that a slider in use stays. */
export function cardRow({ vocab, chain, share, moved, at, dice }) {
  const node = element("div", { class: "lm-lab" });
  const title = (text) => element("div", { style: "font-weight:600" }, text);
  const corner = element("div", { style: "align-self:end;opacity:0.75" }, "drag a name, or ◀ ▶: another order"),
    rolled = element("div", {});
  const first = element("div", { class: "lm-lab-card" }, title("the model"));
  const last = element("div", { class: "lm-lab-card" }, title("the dice"), dice, rolled);
  const made = {};
  const cardOf = (name) => (made[name] ??= card(name, { vocab, chain, share, moved, at, made }));
  const paint = (links, single, draws) => {
    node.style.gridTemplateColumns = template(links.length);
    const focused = node.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement) : null;
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

export const template = (count) =>
  `minmax(5.5em, 7.5em) minmax(5em, 1fr) repeat(${count}, minmax(7.3em, 1fr)) minmax(8.6em, 1.3fr)`;

function card(name, { vocab, chain, share, moved, at, made }) {
  const [min, max, step] = RANGES[name] ?? [1, Math.min(vocab, 100), 1];
  const amount = slider({
    label: written(name),
    min,
    max: Math.max(max, chain().find(([other]) => other === name)[1]),
    step,
    show: amountOf,
    move: (value) => share({ chain: chain().map((link) => (link[0] === name ? [name, value] : link)) }),
  });
  const by = (steps) => () => moved(name, at(name) + steps);
  const said = `${written(name)}: drag, or arrow keys, to move it in the chain`;
  const out = () => share({ chain: chain().filter(([other]) => other !== name) });
  const handle = element("button", { type: "button", class: "lm-lab-name", "aria-label": said }, written(name));
  keys(handle, { ArrowLeft: by(-1), ArrowRight: by(1), Delete: out });
  const button = (label, sign, act) => {
    const title = `${written(name)} ${label}`;
    return element("button", { type: "button", "aria-label": title, title, onclick: act }, sign);
  };
  const row = element(
    "div",
    { class: "lm-tools" },
    button("earlier", "◀", by(-1)),
    button("later", "▶", by(1)),
    button("out", "✕", out),
  );
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
    const drop = () => {
      node.classList.remove("lm-dragged");
      window.removeEventListener("pointermove", follow);
    };
    window.addEventListener("pointermove", follow);
    window.addEventListener("pointerup", drop, { once: true });
  });
  return { node, set: amount.set };
}

/** Rolls, by one, by a hundred, or on and on until stopped, or until nobody sees it. */
export function diceTools(state, share, most) {
  let pouring = null;
  const stop = () => {
    clearInterval(pouring);
    pouring = null;
  };
  const pour = () => {
    if (state().draws >= most || !node.isConnected) return stop();
    share({ draws: Math.min(most, state().draws + POUR) });
  };
  const roll = (count) => () => {
    stop();
    share({ draws: Math.min(most, state().draws + count) });
  };
  const node = tools(
    ["roll", roll(1)],
    ["roll 100", roll(100)],
    [
      "keep rolling",
      () => {
        if (pouring) stop();
        else pouring = setInterval(pour, PACE);
      },
    ],
    [
      "other dice",
      () => {
        stop();
        share({ seed: state().seed + 1, draws: 0 });
      },
    ],
  );
  return node;
}

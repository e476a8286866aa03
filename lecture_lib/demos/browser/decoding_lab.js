// Decoding lab: a column for each link of the chain, in any order, and dice at its end.

import { element, floats, number } from "./elements.js";
import { toggle } from "./controls.js";
import { barList } from "./charts.js";
import { amountOf, cardRow, diceTools, RANGES, written } from "./lab_cards.js";
import { columns } from "./lab_columns.js";
import { described, stagesOf } from "./filters.js";
import { samples } from "./dice.js";
import { stage } from "./stage.js";

function render({ model, el }) {
  const { tokens, rows, links, most, scores: sent } = model.get("given");
  const scores = Array.isArray(sent) ? sent : Array.from(floats(sent));
  const others = tokens.length > rows.length;
  const state = () => model.get("state");
  const share = (changes) => shown.share(changes);
  const moved = (name, to) => {
    const chain = state().chain.filter(([other]) => other !== name);
    chain.splice(
      Math.min(Math.max(to, 0), chain.length),
      0,
      state().chain.find(([other]) => other === name),
    );
    share({ chain });
  };
  const at = (name) => state().chain.findIndex(([other]) => other === name);
  const cards = cardRow({
    vocab: tokens.length,
    chain: () => state().chain,
    share,
    moved,
    at,
    dice: diceTools(state, share, most),
  });
  const write = (place) => {
    if (place !== undefined) share({ history: [...state().history, place] });
  };
  const picture = columns({ tokens, rows, others, point: (s, r) => tellOf(s, r), act: (r) => write(rows[r]) });
  const own = barList({ title: "the model's own distribution", rows: rows.length }); // seen while the answer is covered
  own.node.classList.add("lm-lab-own");
  const line = element("div", { class: "lm-lab-line" });
  const alone = toggle({
    label: "each link alone, on the model's own distribution",
    turn: (on) => share({ alone: on, draws: 0 }),
  });
  for (const [one, other] of [
    [cards.node, picture.node],
    [picture.node, cards.node],
  ]) {
    one.addEventListener("scroll", () => {
      other.scrollLeft = one.scrollLeft;
    }); // where the chain is wider than the page
  }
  const shown = stage({
    model,
    el,
    name: "decoding_lab",
    controls: [line, alone.node, cards.node],
    open: [own.node],
    answer: [picture.node],
    question: "How many tokens can still be drawn at the end?",
    options: tokens.length <= 12 ? tokens.map((_, i) => String(i + 1)) : [],
    line: (now) => [
      model.get("given").call,
      { ...now, chain: now.chain, history: now.history.map((place) => nameOf(tokens, place)) },
    ],
  });
  let found = null,
    known = "",
    drawn = null;
  const tellOf = (s, r) => shown.tell(found ? sayCell({ tokens, rows, found, drawn, draws: state().draws }, s, r) : "");
  return shown.run(() => {
    const { chain, history, alone: single, draws, seed } = state();
    const { probs, answered } = shown.given();
    const key = JSON.stringify([chain, history, single, probs ? answered : 0, probs?.byteOffset ?? 0]);
    if (probs) {
      if (JSON.stringify(answered) === JSON.stringify(chain))
        found = described(split(floats(probs), chain.length + 1), chain, single);
    } else if (key !== known) found = stagesOf(scores, chain, history, single);
    known = key;
    const end = found.at(-1);
    drawn = samples(single ? found[0].probs : end.probs, draws, seed);
    historyLine(line, { tokens, history, chain, links, share });
    alone.set(single);
    cards.paint(chain, single, draws);
    picture.paint(found, { drawn, draws, history, single });
    own.paint(
      rows.map((i) => ({
        name: tokens[i],
        value: found[0].probs[i],
        share: found[0].probs[i] / found[0].probs[rows[0]],
      })),
    );
    shown.tell(shown.node.contains(picture.node) ? sayAll(found, single) : "");
  });
}

const nameOf = (tokens, place) =>
  tokens.indexOf(tokens[place]) === tokens.lastIndexOf(tokens[place]) ? tokens[place] : place;

function split(values, count) {
  const V = values.length / count;
  return Array.from({ length: count }, (_, s) => Array.from(values.subarray(s * V, (s + 1) * V)));
}

/** What the chain did, in a sentence. */
function sayAll(found, single) {
  const [first, end] = [found[0], found.at(-1)];
  if (single) return "Each column begins with the model's own distribution: no link sees what another did.";
  const held = first.probs.reduce((sum, p, i) => (end.probs[i] > 0 ? sum + p : sum), 0);
  const tokens = end.kept === 1 ? "1 token" : `${end.kept} tokens`;
  return (
    `${tokens} of ${first.kept} can still be drawn; the model gave them ${number(held, 3)} together. ` +
    `Entropy: ${number(first.entropy)} → ${number(end.entropy)} nats.`
  );
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
  const add = (name) => () =>
    share({ chain: [...chain, [name, name === "top_k" ? Math.min(5, tokens.length) : RANGES[name][3]]] });
  node.replaceChildren(
    element(
      "span",
      {},
      `written before: ${
        history.length
          ? history
              .slice(-12)
              .map((place) => tokens[place])
              .join(", ")
          : "nothing"
      }`,
    ),
    ...(history.length
      ? [
          element(
            "button",
            { type: "button", onclick: () => share({ history: history.slice(0, -1) }) },
            "take one back",
          ),
        ]
      : []),
    ...missing.map((name) => element("button", { type: "button", onclick: add(name) }, `+ ${written(name)}`)),
  );
}

export default { render };

// Next word: the likeliest words after a prompt; the one that is clicked is appended, and the model asked again.

import { element, number } from "./elements.js";
import { slider, textField, toggle, tools } from "./controls.js";
import { barList } from "./charts.js";
import { rolls } from "./dice.js";
import { visible } from "./tokens.js";
import { stage } from "./stage.js";

/** Probabilities of the likeliest and of all others together. rest: log sum exp(z / t) of the others' logits z. */
export function distribution(logits, rest, temperature) {
  const scores = logits.map((z) => z / temperature);
  const top = Math.max(rest, ...scores);
  const total = scores.reduce((sum, score) => sum + Math.exp(score - top), Math.exp(rest - top));
  return { probs: scores.map((score) => Math.exp(score - top) / total), others: Math.exp(rest - top) / total };
}

/** Which of the words a roll from 0 up to 1 falls on; -1 for the others. */
export function fallen(probs, roll) {
  let sum = 0;
  return probs.findIndex((p) => (sum += p) > roll);
}

function render({ model, el }) {
  const { prompts, temperatures } = model.get("given");
  const state = () => model.get("state");
  const busy = () => shown.node.classList.contains("lm-busy");
  const here = () => state().written.slice(0, model.get("given").words.length);
  const append = (i) => {
    if (i < model.get("given").ids.length && !busy()) shown.share({ written: [...here(), model.get("given").ids[i]] });
  };
  const undo = () => shown.share({ written: state().written.length > here().length ? here() : here().slice(0, -1) });
  let found = null;
  const roll = () => {
    if (busy()) return;
    const { seed, rolled } = state();
    const i = fallen(found.probs, rolls(seed, rolled + 1).at(-1));
    shown.share({ rolled: rolled + 1, ...(i < 0 ? {} : { written: [...here(), model.get("given").ids[i]] }) });
    if (i < 0) shown.tell("The dice fell on one of the others, too rare to be listed: roll again.");
  };
  const examples = tools(
    ...prompts.map(([prompt, chat]) => [
      chat ? `${prompt} (chat)` : `${prompt} …`,
      () => shown.share({ prompt, chat, written: [] }),
    ]),
  );
  const field = textField({
    label: "prompt",
    value: state().prompt,
    write: (prompt) => shown.share({ prompt, written: [] }),
  });
  const chat = toggle({ label: "ask it as a chat", turn: (on) => shown.share({ chat: on, written: [] }) });
  const warmth = slider({
    label: "temperature",
    min: temperatures[0],
    max: temperatures.at(-1),
    step: temperatures[0],
    show: (value) => number(value),
    move: (temperature) => shown.share({ temperature: Number(temperature.toFixed(2)) }),
  });
  const moves = tools(["take the likeliest", () => append(0)], ["roll the dice", roll], ["undo", undo]);
  const text = element("div", {
    style: "font-size:1.35em;line-height:1.6;margin:0.4em 0;max-width:44em;white-space:pre-wrap;overflow-wrap:anywhere",
  });
  const source = element("div", { style: "opacity:0.75" });
  const bars = barList({
    title: "next",
    rows: model.get("given").ids.length + 1,
    onact: append,
    onpoint: (i) => {
      const { texts, logits, vocab } = shown.given();
      shown.tell(
        i < texts.length
          ? `“${visible(texts[i])}”: probability ${number(found.probs[i], 4)} at temperature ${number(state().temperature)}, logit ${number(logits[i])}`
          : `the other ${(vocab - texts.length).toLocaleString("en")} tokens: ${number(found.others, 4)} together`,
      );
    },
  });
  const shown = stage({
    model,
    el,
    name: "next_word",
    controls: [examples, field.node, element("div", { class: "lm-tools" }, warmth.node, chat.node), text, moves],
    answer: [element("div", {}, bars.node, source)],
    question: "Which word comes next?",
    options: model.get("given").texts.slice(0, 5).map(visible).sort(),
    line: ({ prompt, ...rest }) => [
      JSON.stringify(prompt) + (model.get("given").call && `, ${model.get("given").call}`),
      rest,
    ],
  });
  return shown.run(() => {
    const { prompt, temperature, chat: asked } = state();
    const { texts, logits, rest, words, chances, vocab, open, source: from } = shown.given();
    field.set(prompt);
    chat.set(asked);
    warmth.set(temperature);
    const at = temperatures.reduce(
      (best, t, i) => (Math.abs(t - temperature) < Math.abs(temperatures[best] - temperature) ? i : best),
      0,
    );
    found = distribution(logits, rest[at], temperature);
    const written = words.map((word, n) =>
      element(
        "button",
        {
          type: "button",
          style:
            "padding:0 0.1em;margin:0 1px;white-space:pre;border-width:0 0 3px;border-color:rgb(var(--lm-blue));border-radius:0",
          title: `probability ${number(chances[n], 4)}; click: back to here`,
          onclick: () => shown.share({ written: here().slice(0, n + 1) }),
        },
        word === "\n" ? "↵\n" : word,
      ),
    );
    text.replaceChildren(
      ...(asked ? [`you: ${prompt}\nmodel: `] : [prompt]),
      ...written,
      element("span", { style: "opacity:0.5" }, " …"),
    );
    const most = Math.max(found.others, ...found.probs);
    bars.paint(
      [
        ...texts.map((word, i) => ({
          name: visible(word),
          value: found.probs[i],
          share: found.probs[i] / most,
          dim: !open[i],
        })),
        {
          name: `${(vocab - texts.length).toLocaleString("en")} others`,
          value: found.others,
          share: found.others / most,
          colour: "var(--lm-line)",
        },
      ],
      `the next token at temperature ${number(temperature)}`,
    );
    source.textContent = open.every(Boolean)
      ? from
      : `${from}; what follows a pale word is computed by the weights, where they are on this machine`;
    const all = chances.reduce((product, p) => product * p, 1);
    if (!shown.node.contains(bars.node)) return;
    const count = words.length === 1 ? "1 token" : `${words.length} tokens`;
    const chance = all < 0.001 ? all.toExponential(1) : number(all, 3);
    shown.tell(
      words.length
        ? `${count} appended: probability ${chance}, perplexity ${number(all ** (-1 / words.length))} (at temperature 1).`
        : "Click a word to append it.",
    );
  });
}

export default { render };

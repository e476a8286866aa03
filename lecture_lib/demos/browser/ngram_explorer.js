// n-gram explorer: the sentence with what the model sees of it, what may come next, and how often each context was read.

import { element, floats, number } from "./elements.js";
import { barList } from "./charts.js";
import { slider, textField, tools } from "./controls.js";
import { contextOf, countNgrams, dice, drawn, nextProbs } from "./ngrams.js";
import { chipRow, pointed } from "./tokens.js";
import { stage } from "./stage.js";

const MOST_ROWS = 12, LARGEST_N = 6, LONGEST = 30;
const BEGIN = "<bos>", END = "<eos>";
const CHOICES = [0, 0.01, 0.1, 0.5, 1];

function render({ model, el }) {
  const { vocab, ids: sent } = model.get("given");
  const V = vocab.length, place = new Map(vocab.map((token, i) => [token, i]));
  place.set(BEGIN, V);
  const name = (id) => vocab[id] ?? BEGIN;
  const ids = sent ? Array.from(floats(sent)) : null; // null: Python counts, with the student's functions or a large text
  const kept = new Map();
  const counts = (n) => { if (!kept.has(n)) kept.set(n, countNgrams(ids, V, n)); return kept.get(n); };
  const words = (text) => text.split(/\s+/u).filter(Boolean);
  const sentence = (text) => [V, ...words(text).map((word) => place.get(word) ?? -1)];
  const seenAfter = (text, n) => counts(n).get(contextOf(sentence(text), n).join(" ")) ?? new Map();

  /** What the model says: seen (Map id -> count), probs, orders [times, kinds] for n = 1, 2, ... */
  const found = () => {
    const { context, n, k } = model.get("state");
    if (!ids) {
      const { seen, probs, orders } = model.get("given");
      return { seen: new Map(seen), probs: Array.from(floats(probs)), orders };
    }
    const orders = Array.from({ length: LARGEST_N }, (_, i) => summed(seenAfter(context, i + 1)));
    const seen = seenAfter(context, n);
    return { seen, probs: nextProbs(seen, V, k), orders };
  };
  const continued = (most) => {
    const { context, n, k, seed } = model.get("state");
    if (!ids) return model.get("given").next.slice(0, most);
    const next = [];
    for (let text = context; next.length < most;) {
      const probs = nextProbs(seenAfter(text, n), V, k);
      if (!probs.some((p) => p > 0)) break;
      next.push(name(drawn(probs, dice(seed, text))));
      if (next.at(-1) === END) break;
      text = `${text} ${next.at(-1)}`.trim();
    }
    return next;
  };
  const write = (most) => () => {
    const { next_trouble: trouble } = model.get("given");
    const next = continued(most);
    if (next.length === 0) shown.tell(trouble || "Nothing can be drawn: the model has nothing to say here.");
    else if (next[0] === END) shown.tell(`The word that was drawn is ${END}: the sentence is over.`);
    else shown.share({ context: [...words(model.get("state").context), ...next.filter((word) => word !== END)].join(" ") });
  };
  const append = (word) => shown.share({ context: [...words(model.get("state").context), word].join(" ") });

  const steps = [...new Set([...CHOICES, model.get("state").k])].sort((a, b) => a - b);
  const text = textField({ label: "sentence", value: "", write: (context) => shown.share({ context }) });
  const order = slider({ label: "n", min: 1, max: LARGEST_N, move: (n) => shown.share({ n }) });
  const added = slider({ label: "k, added", min: 0, max: steps.length - 1, show: (i) => String(steps[i] ?? model.get("state").k), move: (i) => shown.share({ k: steps[i] }) });
  const buttons = tools(["one more word", write(1)], ["to the end", write(LONGEST)],
    ["one word back", () => shown.share({ context: words(model.get("state").context).slice(0, -1).join(" ") })],
    ["empty", () => shown.share({ context: "" })], ["other dice", () => shown.share({ seed: model.get("state").seed + 1 })]);
  const line = chipRow({ class: "lm-sentence" });
  const window_ = element("div", {}, line.node), said = element("div", { class: "lm-headline" });
  pointed(window_, "The sentence. Arrow keys move.", { onpoint: (about) => { if (about) shown.tell(about); } });
  const bars = barList({ title: "next", rows: MOST_ROWS + 1, onpoint: (i) => shown.tell(aboutNext(i)), onact: (i) => { const word = ranked(found())[i]; if (i < MOST_ROWS && word !== undefined && name(word) !== END) append(name(word)); } });
  const reach = barList({ title: "How often was each context read? (click: that n)", rows: LARGEST_N, onpoint: (i) => shown.tell(aboutOrder(LARGEST_N - i)), onact: (i) => shown.share({ n: LARGEST_N - i }) });
  const first = ids || model.get("given").probs ? ranked(found()).slice(0, 4).map(name).sort() : [];
  const shown = stage({
    model, el, name: "ngram_explorer", controls: [text.node, element("div", { class: "lm-row" }, order.node, added.node), buttons, window_, said],
    answer: [element("div", { class: "lm-large" }, bars.node), reach.node], question: "Which word comes next?", options: first,
    line: (state) => [model.get("given").call, state],
  });

  const contextAt = (n) => contextOf([BEGIN, ...words(model.get("state").context)], n);
  const aboutNext = (i) => {
    const { seen, probs } = found();
    const id = ranked({ probs })[i];
    const total = summed(seen)[0];
    return i < MOST_ROWS && id !== undefined ? `${name(id)}: counted ${seen.get(id) ?? 0} of ${total} times, probability ${number(probs[id], 5)}` : "all other words together";
  };
  const aboutOrder = (n) => {
    const [times, kinds] = found().orders[n - 1];
    return `n = ${n}: the context ${quoted(contextAt(n))} was read ${count(times, "time")}, and ${count(kinds, "kind")} of word followed`;
  };
  const headline = ({ probs, orders }, n, k) => {
    const context = contextAt(n);
    const strange = context.find((word) => !place.has(word));
    const unknown = strange === undefined ? "" : ` The word “${strange}” does not occur in the text.`;
    if (orders[n - 1][0]) return `n = ${n}: the model looks at ${quoted(context)}, which was read ${count(orders[n - 1][0], "time")}.`;
    const shorter = [...Array(n - 1).keys()].reverse().find((i) => orders[i][0] > 0);
    const back = shorter === undefined ? "" : ` To back off: ${quoted(contextAt(shorter + 1))} (n = ${shorter + 1}) was read ${count(orders[shorter][0], "time")}.`;
    return `${quoted(context)} was never read: ${probs.some((p) => p > 0) ? `only the added k = ${k} speaks, all words alike` : "the model has nothing to say"}.${unknown}${back}`;
  };
  return shown.run(() => {
    const { context, n, k } = shown.state();
    const now = found(), total = summed(now.seen)[0];
    text.set(context);
    order.set(n);
    added.set(steps.indexOf(k));
    const all = [BEGIN, ...words(context)], looked = contextAt(n).length;
    line.paint([...all.map((word, i) => ({
      text: word, colour: i >= all.length - looked ? "rgb(var(--lm-blue))" : null, faded: i < all.length - looked,
      about: `${word}: ${i >= all.length - looked ? "in the context" : "too far back to be seen"}${place.has(word) ? "" : "; not a word of the text"}`,
    })), { text: "?", colour: "var(--lm-orange)", ring: true, about: "the next word" }]);
    said.textContent = headline(now, n, k);
    const order_ = ranked(now), rest = order_.slice(MOST_ROWS);
    const row = (label, probability, counted, colour) => ({ name: label, value: probability, share: probability, note: `${counted} of ${total}`, colour });
    const sum = (list, value) => list.reduce((all, id) => all + value(id), 0);
    const rows = order_.slice(0, MOST_ROWS).map((id) => row(name(id), now.probs[id], now.seen.get(id) ?? 0));
    if (rest.length) rows.push(row(`${rest.length} others`, sum(rest, (id) => now.probs[id]), sum(rest, (id) => now.seen.get(id) ?? 0), "#888"));
    bars.paint(rows, `p( next | ${contextAt(n).join(" ") || "nothing"} ), ${now.seen.size} of ${V} types seen here (click: choose)`);
    const most = Math.log1p(Math.max(...now.orders.map(([times]) => times)));
    reach.paint(Array.from({ length: LARGEST_N }, (_, i) => LARGEST_N - i).map((each) => {
      const [times, kinds] = now.orders[each - 1];
      return {
        name: `n = ${each}: ${contextAt(each).length > 3 ? "… " : ""}${contextAt(each).slice(-3).join(" ") || "(nothing)"}`, value: String(times), share: Math.log1p(times) / (most || 1), dim: times === 0,
        colour: each === n ? "var(--lm-orange)" : undefined, note: times ? `${count(kinds, "kind")} of next word` : "never read",
      };
    }));
    shown.tell("");
  });
}

/** The ids that have any probability, the likeliest first, equals by their place in the alphabet. */
export function ranked({ probs }) {
  return Array.from(probs.keys()).filter((id) => probs[id] > 0).sort((a, b) => probs[b] - probs[a] || a - b);
}

function summed(seen) {
  return [[...seen.values()].reduce((sum, count) => sum + count, 0), seen.size];
}

function count(number_, noun) {
  return `${number_} ${noun}${number_ === 1 ? "" : "s"}`;
}

function quoted(context) {
  return context.length ? `“${context.join(" ")}”` : "nothing";
}

export default { render };

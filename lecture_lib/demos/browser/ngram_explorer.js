// n-gram explorer: the sentence with what the model sees of it, what may come next, and how often each context was read.

import { element, floats, number } from "./elements.js";
import { barList } from "./charts.js";
import { slider, textField, tools } from "./controls.js";
import { contextOf, counter, dice, drawn, nextProbs, ranked, summed } from "./ngrams.js";
import { chipRow, pointed } from "./tokens.js";
import { stage } from "./stage.js";

const MOST_ROWS = 12,
  LARGEST_N = 6,
  LONGEST = 30;
const BEGIN = "<bos>",
  END = "<eos>";
const CHOICES = [0, 0.01, 0.1, 0.5, 1]; // of k
const ORDERS = Array.from({ length: LARGEST_N }, (_, i) => LARGEST_N - i);
const WINDOW = "rgb(var(--lm-blue))",
  NEXT = "var(--lm-orange)";

const words = (text) => text.split(/\s+/u).filter(Boolean);
const contextIn = (text, n) => contextOf([BEGIN, ...words(text)], n);

function render({ model, el }) {
  const { vocab } = model.get("given");
  const answers = model.get("given").ids ? countsHere(model) : countsInPython(model);
  const name = (id) => vocab[id];
  const chosen = () => model.get("state");
  const write = (context) => shown.share({ context });
  const steps = [...new Set([...CHOICES, chosen().k])].sort((a, b) => a - b);
  const text = textField({ label: "sentence", write });
  const order = slider({ label: "n", min: 1, max: LARGEST_N, move: (n) => shown.share({ n }) });
  const added = slider({
    label: "k, added",
    min: 0,
    max: steps.length - 1,
    show: (i) => String(steps[i] ?? chosen().k),
    move: (i) => shown.share({ k: steps[i] }),
  });
  const more = (most) => () => {
    const next = answers.drawn(most);
    if (next.length === 0)
      shown.tell(model.get("given").next_trouble || "Nothing can be drawn: the model has nothing to say here.");
    else if (next[0] === END) shown.tell(`The word that was drawn is ${END}: the sentence is over.`);
    else write([...words(chosen().context), ...next.filter((word) => word !== END)].join(" "));
  };
  const buttons = tools(
    ["one more word", more(1)],
    ["to the end", more(LONGEST)],
    ["one word back", () => write(words(chosen().context).slice(0, -1).join(" "))],
    ["empty", () => write("")],
    ["other dice", () => shown.share({ seed: chosen().seed + 1 })],
  );
  const sentence = sentenceLine(new Set(vocab), (about) => shown.tell(about));
  const said = element("div", { class: "lm-headline", "aria-live": "polite" });
  const bars = nextBars(vocab.length, name, {
    onpoint: (about) => shown.tell(about),
    choose: (word) => write([...words(chosen().context), word].join(" ")),
  });
  const reach = reachBars({
    onpoint: (n) => shown.tell(aboutOrder(chosen().context, n, answers.found().orders[n - 1])),
    choose: (n) => shown.share({ n }),
  });
  const shown = stage({
    model,
    el,
    name: "ngram_explorer",
    controls: [text.node, element("div", { class: "lm-row" }, order.node, added.node), buttons, sentence.node, said],
    answer: [bars.node, reach.node],
    question: "Which word comes next?",
    options: ranked(answers.found().probs).slice(0, 4).map(name).sort(),
    line: (state) => [model.get("given").call, state],
  });
  return shown.run(() => {
    const { context, n, k } = shown.state(),
      found = answers.found();
    text.set(context);
    order.set(n);
    added.set(steps.indexOf(k));
    sentence.paint(context, n);
    said.textContent = headline(found, shown.state(), new Set(vocab));
    bars.paint(found, contextIn(context, n));
    reach.paint(context, n, found.orders);
    shown.tell("A click on a word takes it; a click on a context takes its n.");
  });
}

/** Counts made here, out of the text: found() as of now, drawn(most) the next tokens by the dice. */
function countsHere(model) {
  const { vocab, ids } = model.get("given");
  const V = vocab.length,
    place = new Map([...vocab, BEGIN].map((token, id) => [token, id]));
  const seenAfter = counter(Array.from(floats(ids)), V);
  const seen = (text, n) => seenAfter([V, ...words(text).map((word) => place.get(word) ?? -1)], n);
  const found = () => {
    const { context, n, k } = model.get("state");
    return {
      seen: seen(context, n),
      probs: nextProbs(seen(context, n), V, k),
      orders: ORDERS.map((each) => summed(seen(context, each))).reverse(),
    };
  };
  const throwDice = (most) => {
    const { context, n, k, seed } = model.get("state"),
      next = [];
    for (let text = context; next.length < most && next.at(-1) !== END; text = `${text} ${next.at(-1)}`.trim()) {
      const probs = nextProbs(seen(text, n), V, k);
      if (!probs.some((p) => p > 0)) break;
      next.push(vocab[drawn(probs, dice(seed, text))]);
    }
    return next;
  };
  return { found, drawn: throwDice };
}

/** The same as Python answered it: with functions of the student's, or of a long text. */
function countsInPython(model) {
  const found = () => {
    const { seen, probs, orders } = model.get("given");
    return { seen: new Map(seen), probs: Array.from(floats(probs)), orders };
  };
  return { found, drawn: (most) => model.get("given").next.slice(0, most) };
}

/** The sentence as chips: blue what the model looks at, faded what lies too far back. */
function sentenceLine(known, onpoint) {
  const line = chipRow({ class: "lm-sentence" });
  const node = element("div", {}, line.node);
  pointed(node, "The sentence. Arrow keys move.", {
    onpoint: (about) => {
      if (about) onpoint(about);
    },
  });
  const paint = (text, n) => {
    const all = [BEGIN, ...words(text)],
      first = all.length - contextIn(text, n).length;
    const strange = (word, i) => (i && !known.has(word) ? "; not a word of the text" : "");
    const about = (word, i) =>
      `${word}: ${i < first ? "too far back to be seen" : "in the context"}${strange(word, i)}`;
    const chips = all.map((word, i) => ({
      text: word,
      colour: i < first ? null : WINDOW,
      faded: i < first,
      about: about(word, i),
    }));
    line.paint([...chips, { text: "?", colour: NEXT, ring: true, about: "the next word" }]);
  };
  return { node, paint };
}

/** What may come next as bars; a click takes that word. */
function nextBars(V, name, { onpoint, choose }) {
  /** @type {any[]} */
  let rows = [];
  const act = (i) => {
    if (rows[i]?.word) choose(rows[i].word);
  };
  const bars = barList({
    title: "next",
    rows: MOST_ROWS + 1,
    onpoint: (i) => onpoint(rows[i]?.about ?? ""),
    onact: act,
  });
  const paint = ({ seen, probs }, context) => {
    const order = ranked(probs),
      rest = order.slice(MOST_ROWS),
      [total] = summed(seen);
    const sum = (value) => rest.reduce((all, id) => all + value(id), 0);
    const times = (id) => seen.get(id) ?? 0;
    const row = (label, share, counted) => ({
      name: label,
      value: share,
      share,
      colour: counted ? undefined : "#888",
      note: `${counted} of ${total}`,
      about: `${label}: counted ${counted} of ${total} times, probability ${number(share, 5)}`,
    });
    rows = order
      .slice(0, MOST_ROWS)
      .map(
        (id) =>
          /** @type {any} */ ({ ...row(name(id), probs[id], times(id)), word: name(id) === END ? null : name(id) }),
      );
    if (rest.length)
      rows.push({
        ...row(
          `${rest.length} others`,
          sum((id) => probs[id]),
          sum(times),
        ),
        colour: "#888",
      });
    const longest = Math.max(...rows.map((each) => each.share)) || 1;
    for (const each of rows) each.share /= longest;
    bars.paint(rows, `p( next | ${ending(context)} ): ${seen.size} of ${V} types seen here`);
  };
  return { node: element("div", { class: "lm-large" }, bars.node), paint };
}

/** How often the context was read for each n; a click takes that n. */
function reachBars({ onpoint, choose }) {
  const title = "How often was each context read?";
  const bars = barList({ title, rows: LARGEST_N, onpoint: (i) => onpoint(ORDERS[i]), onact: (i) => choose(ORDERS[i]) });
  const paint = (text, n, orders) => {
    const most = Math.log1p(Math.max(1, ...orders.map(([times]) => times)));
    bars.paint(
      ORDERS.map((each) => {
        const [times, kinds] = orders[each - 1],
          context = contextIn(text, each);
        return {
          name: `n = ${each}: ${ending(context)}`,
          value: String(times),
          share: Math.log1p(times) / most,
          dim: times === 0,
          colour: each === n ? NEXT : undefined,
          note: times ? `${count(kinds, "kind")} of next word` : "never read",
        };
      }),
    );
  };
  return { node: bars.node, paint };
}

function aboutOrder(text, n, [times, kinds]) {
  return `n = ${n}: the context ${quoted(contextIn(text, n))} was read ${count(times, "time")}, and ${count(kinds, "kind")} of word followed`;
}

/** What the model looks at; and where it was never read, why not and where it was. */
function headline({ probs, orders }, { context: text, n, k }, known) {
  const context = contextIn(text, n);
  if (orders[n - 1][0])
    return `n = ${n}: the model looks at ${quoted(context)}, which was read ${count(orders[n - 1][0], "time")}.`;
  const speaks = probs.some((p) => p > 0)
    ? `only the added k = ${k} speaks, of all words alike`
    : "the model has nothing to say";
  const strange = context.find((word) => word !== BEGIN && !known.has(word));
  const unknown = strange === undefined ? "" : ` The word “${strange}” does not occur in the text.`;
  const shorter = ORDERS.find((each) => each < n && orders[each - 1][0] > 0);
  const never = `${quoted(context)} was never read: ${speaks}.${unknown}`;
  if (shorter === undefined) return never;
  return `${never} To back off: ${quoted(contextIn(text, shorter))} (n = ${shorter}) was read ${count(orders[shorter - 1][0], "time")}.`;
}

function count(times, noun) {
  return `${times} ${noun}${times === 1 ? "" : "s"}`;
}

/** The last three words of a context. */
function ending(context) {
  return `${context.length > 3 ? "… " : ""}${context.slice(-3).join(" ") || "nothing"}`;
}

function quoted(context) {
  return context.length ? `“${context.join(" ")}”` : "nothing";
}

export default { render };

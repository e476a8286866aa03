// Controls by mouse and by keys. Each is {node, set(value)}: set shows a value without telling anyone, so that a demo
// can draw all of itself from its state; moving the control calls the function given.

import { element, keys } from "./elements.js";

const TYPING_PAUSE = 250; // milliseconds without a keystroke after which a text counts as written

/** One of several, by button or arrow keys: an ARIA radio group. */
export function choice({ label, options, value = 0, choose }) {
  let chosen = value;
  const buttons = options.map((text, index) =>
    element("button", { type: "button", role: "radio", onclick: () => choose(index) }, text),
  );
  const set = (index) => {
    buttons.forEach((button, i) => {
      button.setAttribute("aria-checked", String(i === index));
      button.setAttribute("aria-pressed", String(i === index));
      button.tabIndex = i === index ? 0 : -1;
    });
    chosen = index;
  };
  const step = (by) => () => {
    const next = (chosen + by + options.length) % options.length;
    choose(next);
    buttons[next].focus();
  };
  for (const button of buttons)
    keys(button, { ArrowRight: step(1), ArrowDown: step(1), ArrowLeft: step(-1), ArrowUp: step(-1) });
  set(value);
  return { node: element("div", { class: "lm-tools", role: "radiogroup", "aria-label": label }, ...buttons), set };
}

/**
 * A number between min and max, or one of `values` in ascending order, for steps that are not equal. show(value) writes
 * it beside the slider; a value between those listed is written as it is.
 *
 * @param {{ label: string, values?: number[] | null, min?: number, max?: number, step?: number, value?: number,
 *   move: (value: number) => void, show?: (value: any) => string }} options
 */
export function slider({
  label,
  values = null,
  min = 0,
  max = values?.length - 1,
  step = 1,
  value = values?.[0] ?? min,
  move,
  show = String,
}) {
  const place = (now) =>
    values
      ? values.reduce((best, other, i) => (Math.abs(other - now) < Math.abs(values[best] - now) ? i : best), 0)
      : now;
  const chosen = () => (values ? values[Number(input.value)] : Number(input.value));
  const input = element("input", {
    type: "range",
    min,
    max,
    step,
    "aria-label": label,
    "data-lm-suppress-shortcuts": "true",
  });
  const written = element("output", {});
  const set = (now) => {
    if (Number(input.value) !== place(now)) input.value = place(now);
    written.textContent = show(now);
    input.setAttribute("aria-valuetext", show(now));
  };
  input.addEventListener("input", () => {
    const now = chosen();
    set(now);
    move(now);
  });
  input.addEventListener("keydown", (event) => event.stopPropagation());
  set(value);
  const limits = (low, high) => {
    input.min = low;
    input.max = high;
  };
  return { node: element("label", { class: "lm-slider" }, element("span", {}, label), input, written), set, limits };
}

/**
 * First, back, next, last of `count` steps: buttons, and arrow keys, Home and End while one of them has the focus.
 * every: milliseconds; with it comes a button that plays the steps, and stops at the end or when the demo leaves the page.
 * show(index, count): what is written beside the buttons.
 */
export function stepper({
  label,
  count,
  value = 0,
  go,
  every = 0,
  show = (index, total) => `${label} ${index} of ${total - 1}`,
}) {
  let at = value,
    steps = count,
    timer = null;
  const to = (index) => () => {
    const within = Math.min(steps - 1, Math.max(0, index()));
    if (within !== at) go(within);
  };
  const moves = { first: to(() => 0), back: to(() => at - 1), next: to(() => at + 1), last: to(() => steps - 1) };
  const signs = { first: "⇤", back: "◀", next: "▶", last: "⇥" };
  const buttons = Object.entries(moves).map(([name, act]) =>
    element("button", { type: "button", "aria-label": `${name} step`, onclick: act }, signs[name]),
  );
  for (const button of buttons)
    keys(button, { ArrowLeft: moves.back, ArrowRight: moves.next, Home: moves.first, End: moves.last });
  const written = element("output", {});
  const node = element("div", { class: "lm-tools", role: "group", "aria-label": label }, ...buttons, written);
  const stop = () => {
    clearInterval(timer);
    timer = null;
    player.textContent = "play";
  };
  const player = element(
    "button",
    {
      type: "button",
      onclick: () => {
        if (timer !== null) return stop();
        if (at === steps - 1) go(0);
        timer = setInterval(() => (node.isConnected && at < steps - 1 ? go(at + 1) : stop()), every);
        player.textContent = "pause";
      },
    },
    "play",
  );
  keys(player, { ArrowLeft: moves.back, ArrowRight: moves.next, Home: moves.first, End: moves.last });
  if (every) node.prepend(player);
  const set = (index, total = steps) => {
    [at, steps] = [index, total];
    written.textContent = show(index, total);
    buttons.forEach((button, i) =>
      button.setAttribute("aria-disabled", String(i < 2 ? index === 0 : index === total - 1)),
    );
  };
  set(value);
  return { node, set };
}

/** A line or several of text, told when the writer pauses. */
export function textField({ label, value = "", lines = 1, write }) {
  const field = element(lines > 1 ? "textarea" : "input", {
    "aria-label": label,
    spellcheck: "false",
    "data-lm-suppress-shortcuts": "true",
    class: "lm-text",
  });
  if (lines > 1) field.rows = lines;
  let pause = null;
  field.addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(() => write(field.value), TYPING_PAUSE);
  });
  field.addEventListener("keydown", (event) => event.stopPropagation());
  const set = (text) => {
    if (field.value !== text && document.activeElement !== field) field.value = text;
  };
  field.value = value;
  return { node: element("label", { class: "lm-field" }, element("span", {}, label), field), set };
}

/** On or off. */
export function toggle({ label, value = false, turn }) {
  const box = element("input", { type: "checkbox", "data-lm-suppress-shortcuts": "true" });
  box.addEventListener("change", () => turn(box.checked));
  box.addEventListener("keydown", (event) => event.stopPropagation());
  const set = (on) => {
    box.checked = on;
  };
  set(value);
  return { node: element("label", { class: "lm-toggle" }, box, ` ${label}`), set };
}

/** Buttons in a row: [label, what it does] pairs. */
export function tools(...pairs) {
  return element(
    "div",
    { class: "lm-tools" },
    ...pairs.map(([label, act]) => element("button", { type: "button", onclick: act }, label)),
  );
}

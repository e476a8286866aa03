// Live training: the loss on its way to the floor while the kernel trains, and what the model wrote at each step.

import { element, floats, number } from "./elements.js";
import { lineChart } from "./charts.js";
import { slider, stepper, tools } from "./controls.js";
import { stage } from "./stage.js";

const GREY = "#888888";

/** A running mean that forgets, as Python's `smoothed`. */
export function smoothed(values, keep) {
  let total = 0,
    weight = 0;
  return Array.from(values, (value) => {
    total = keep * total + (1 - keep) * value;
    weight = keep * weight + (1 - keep);
    return total / weight;
  });
}

/** The upper end of the axis: it comes down with the loss, or the first steps would flatten all that follows. */
export function top(losses, low) {
  return Math.min(Math.max(...losses) + 0.05, low + Math.max(1, 5 * (losses.at(-1) - low)));
}

/** The index of the last of the rising numbers that is at most `limit`, or -1. */
export function upTo(rising, limit) {
  let found = -1;
  while (found + 1 < rising.length && rising[found + 1] <= limit) found++;
  return found;
}

function render({ model, el }) {
  const now = () => {
    const { at, floor, samples, steps, speed, note, losses } = shown.given();
    const { step, smoothing } = shown.state();
    const last = at.length - 1;
    const index = step === null ? last : Math.max(0, upTo(at, step));
    return {
      at,
      floor,
      samples,
      steps,
      speed,
      note,
      last,
      index,
      losses: Array.from(floats(losses)),
      smoothing,
      following: step === null,
    };
  };
  const go = (index) => shown.share({ step: index >= now().last ? null : now().at[index] });
  const film = stepper({ label: "point", count: 2, go, every: 60, show: () => "" });
  const scrub = slider({
    label: "step",
    min: 0,
    max: 1,
    move: go,
    show: (index) => (model.get("given").at[index] ?? 0).toLocaleString("en"),
  });
  const smoothing = slider({
    label: "smoothing",
    min: 0,
    max: 0.98,
    step: 0.02,
    move: (value) => shown.share({ smoothing: value }),
    show: (value) => number(value),
  });
  const big = element("div", { style: "font-size:1.5em;font-weight:600;font-variant-numeric:tabular-nums" });
  const speed = element("div"),
    note = element("div");
  const chart = lineChart({
    x: "step",
    y: "loss, nats a token",
    width: 540,
    height: 340,
    step: 10,
    onpoint: (x) => {
      const { at, losses, floor, smoothing: keep } = now();
      if (!at.length) return;
      const i = Math.max(0, upTo(at, x));
      chart.show(at[i]);
      shown.tell(
        `step ${at[i]}: loss ${number(losses[i], 4)}, smoothed ${number(smoothed(losses, keep)[i], 4)}${above(losses[i], floor)}`,
      );
    },
  });
  const above = (loss, floor) => (floor === null ? "" : `, ${number(loss - floor, 4)} above the floor`);
  const list = samplesList((step) => go(upTo(shown.given().at, Math.max(step, shown.given().at[0]))));
  const follow = tools(["latest", () => shown.share({ step: null })]);
  const shown = stage({
    model,
    el,
    name: "live_training",
    controls: [element("div", { class: "lm-row" }, film.node, scrub.node, smoothing.node, follow)],
    open: [element("div", { style: "width:540px;max-width:100%" }, big, speed, note, chart.node)],
    answer: [list.node],
    question: "What will it learn first, and what last: words, grammar, agreement, who is who, the song?",
    options: ["words", "grammar", "agreement", "who is who", "the song"],
    line: ({ step, smoothing: keep }) =>
      model.get("given").own
        ? ["train, steps=steps, floor=floor, sample=sample", { step, smoothing: keep }]
        : ["", { step, smoothing: keep }],
  });
  return shown.run(() => {
    const {
      at,
      floor,
      samples,
      steps,
      speed: fast,
      note: said,
      last,
      index,
      losses,
      smoothing: keep,
      following,
    } = now();
    note.textContent = said;
    follow.style.visibility = following ? "hidden" : "visible";
    smoothing.set(keep);
    if (last < 0) {
      big.textContent = "waiting for the first step …";
      return;
    }
    film.set(index, last + 1);
    scrub.limits(0, last);
    scrub.set(index);
    const smooth = smoothed(losses, keep);
    big.textContent = `step ${at[index].toLocaleString("en")} of ${steps.toLocaleString("en")}: loss ${number(smooth[index], 3)}`;
    speed.textContent = [
      floor === null ? "" : `${number(smooth[index] - floor, 3)} above the floor ${number(floor, 3)}`,
      fast,
    ]
      .filter(Boolean)
      .join(" · ");
    const low = floor ?? Math.min(...losses),
      high = top(losses.slice(0, index + 1), low);
    const clipped = (values, from, to) =>
      values.slice(from, to).map((value, i) => [at[from + i], Math.min(value, high)]);
    chart.paint(
      [
        { name: "", points: clipped(losses, 0, last + 1), colour: GREY, width: 1, opacity: 0.45 },
        { name: "loss", points: clipped(losses, 0, index + 1), colour: "var(--lm-sky)", width: 1.3 },
        { name: "smoothed", points: clipped(smooth, 0, index + 1), width: 4 },
        ...(floor === null
          ? []
          : [
              {
                name: `floor ${number(floor, 3)}`,
                points: [
                  [0, floor],
                  [steps, floor],
                ],
                colour: "var(--lm-orange)",
                dashed: true,
              },
            ]),
      ],
      { x: [0, steps], y: [Math.max(0, low - 0.1 * (high - low)), high] },
    );
    chart.show(at[index]);
    list.paint(samples, following ? Infinity : at[index]);
    shown.tell(`At step ${at[index]}: loss ${number(losses[index], 4)}${above(losses[index], floor)}.`);
  });
}

/** What the model wrote so far: the newest large, those before it in a list. */
function samplesList(onact) {
  const large = element("div", {
    style: "font-size:1.15em;min-height:9em;border-left:4px solid rgb(var(--lm-blue));padding-left:0.7em",
  });
  const table = element("table", { "aria-label": "samples by step" });
  const rows = [];
  const title = element("div", { class: "lm-title" });
  const earlier = element("div", { class: "lm-scroll", style: "max-height:17em;margin-top:0.6em" }, table);
  const node = element("div", { style: "width:30em;max-width:100%" }, title, large, earlier);
  const paint = (samples, step) => {
    while (rows.length < samples.length) {
      const i = rows.length;
      const button = element("button", { type: "button", onclick: () => onact(steps[i]) });
      const text = element("td", { style: "white-space:normal" });
      const line = element("tr", { style: "vertical-align:top" }, element("td", {}, button), text);
      table.prepend(line);
      rows.push({ line, button, text });
    }
    const steps = samples.map(([at]) => at);
    const current = upTo(steps, step);
    title.textContent =
      current < 0
        ? samples.length
          ? "nothing written yet"
          : ""
        : `written after ${steps[current].toLocaleString("en")} steps`;
    large.style.display = samples.length ? "" : "none";
    large.textContent = current < 0 ? "" : samples[current][1];
    rows.forEach(({ line, button, text }, i) => {
      line.style.display = i < samples.length && i < current ? "" : "none";
      if (i >= samples.length) return;
      button.textContent = steps[i].toLocaleString("en");
      button.setAttribute("aria-label", `sample after ${steps[i]} steps`);
      text.textContent = samples[i][1];
      text.style.opacity = 0.75;
    });
  };
  return { node, paint };
}

export default { render };

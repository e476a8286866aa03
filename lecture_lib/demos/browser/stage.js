// The stage that every demo stands on: controls, the picture, the answer that may be covered until the class has
// voted, what is said about it, and the lecturer's tools.

import { element, python } from "./elements.js";
import { stillOf } from "./alone.js";
import { asking } from "./asking.js";
import { tools } from "./controls.js";

const ZOOMS = [2.2, 2, 1.8, 1.6, 1.45, 1.3, 1.15, 1];
const WIDEST = 1110; // of the layout on a full screen, in pixels before the zoom: type is read from the last row, and the end may be scrolled to
const COLUMN = 1060; // pixels of a notebook's column from which on a demo is not made smaller
const SMALLEST = 0.7; // of what it is there
const ROOMY = 1280; // the same, for a demo whose parts would no longer stand side by side

/**
 * state(): what the person at the screen chose; share(changes) changes it, for every view and for Python.
 * given(): what Python computed. tell(text): the line under the picture. run(draw): draws now and after every change.
 *
 * parts: controls (nodes), open (shown at once), answer (covered when the lecturer asked to predict first).
 * question: what the class votes on; options: names to vote for, if it is a poll.
 * line(state): how Python calls this demo again, as [positional text, {keyword: value}].
 */
export function stage({
  model,
  el,
  name,
  controls = [],
  open = [],
  answer = [],
  question = "What will it show?",
  options = [],
  line = null,
}) {
  const first = structuredClone(model.get("state"));
  const readout = element("div", { class: "lm-readout", role: "status", "aria-live": "polite" });
  const trouble = element("div", { class: "lm-trouble", role: "alert" });
  let told = "",
    voting = Boolean(model.get("predict"));
  const reveal = () => {
    voting = false;
    tell(told);
  };
  const shown = voting ? [covered(answer, asked(model, question), options, reveal)] : answer;
  const node = element("div", { class: "lm-rich", "data-demo": name });
  if (!model.alone) replaceStill(node, model.get("key"));
  const { share, answered, silence } = asking(model, (busy) => node.classList.toggle("lm-busy", busy));
  const call = () => {
    const [positional, keywords] = line(model.get("state"));
    const named = Object.entries(keywords).map(([key, value]) => `${key}=${python(value)}`);
    return `demos.${name}.show(${[positional, ...named].filter(Boolean).join(", ")})`;
  };
  const pairs = [["start again", () => share(structuredClone(first))]];
  if (line)
    pairs.push([
      "copy as Python",
      () => {
        readout.textContent = call();
        navigator.clipboard?.writeText(call()).catch(() => {});
      },
    ]);
  pairs.push([
    "full screen",
    () => (document.fullscreenElement ? document.exitFullscreen() : node.requestFullscreen?.()),
  ]);
  const resized = () => (document.fullscreenElement === node ? enlarge(node) : narrow(node, el.clientWidth));
  node.addEventListener("fullscreenchange", resized);
  new ResizeObserver(resized).observe(el);
  node.append(
    ...controls,
    trouble,
    element("div", { class: "lm-row" }, ...open, ...shown),
    element("div", { class: "lm-foot" }, readout, tools(...pairs)),
  );
  el.append(node);

  const tell = (text) => {
    // not before the class has voted: it would say what is covered
    told = text;
    if (!voting && readout.textContent !== text) readout.textContent = text;
  };
  const run = (draw) => {
    const redraw = () => {
      trouble.textContent = silence() || (model.get("given").trouble ?? "");
      draw();
    };
    const heard = () => {
      answered();
      redraw();
    };
    model.on("change:state", redraw);
    model.on("change:given", heard);
    redraw();
    return () => {
      model.off("change:state", redraw);
      model.off("change:given", heard);
    };
  };
  return { node, state: () => model.get("state"), given: () => model.get("given"), share, tell, run };
}

/** Takes the place of what stands there without a kernel. */
function replaceStill(node, key) {
  node.dataset.live = "";
  const still = document.getElementById(stillOf(key));
  if (still) still.hidden = true;
}

/** In a notebook's narrow column a demo is smaller, so that a control and what it changes are seen together. */
function narrow(node, width) {
  const chosen = document.documentElement.dataset.lmKernel !== undefined; // the gallery sets the size itself
  node.style.zoom = chosen || !width || width >= COLUMN ? "" : String(Math.max(SMALLEST, width / COLUMN));
}

/** On the full screen as large as it fits, but no smaller than is read from the last row while its parts stand side by side. */
function enlarge(node) {
  node.style.zoom = "";
  if (document.fullscreenElement !== node) return;
  const show = (zoom) => {
    node.style.zoom = zoom;
  };
  const least = Math.max(1, innerWidth / WIDEST),
    roomy = Math.max(1, innerWidth / ROOMY);
  show(roomy);
  const together = lines(node);
  for (const zoom of [...ZOOMS.filter((larger) => larger > least), least]) {
    show(zoom);
    if (node.scrollHeight <= node.clientHeight + 1 && node.scrollWidth <= node.clientWidth + 1) return;
  }
  if (lines(node) > together) show(roomy);
}

/** In how many lines the parts of a demo stand. */
function lines(node) {
  const below = (boxes) => boxes.filter(({ top }, i) => i === 0 || top >= boxes[i - 1].bottom - 1).length;
  return [...node.querySelectorAll(":scope > .lm-row:has(svg, table)")].reduce(
    (sum, row) =>
      sum + below([...row.children].map((part) => part.getBoundingClientRect()).filter(({ width }) => width)),
    0,
  );
}

function asked(model, question) {
  const own = model.get("predict");
  return typeof own === "string" ? own : question;
}

/** Hides the nodes behind a question until the class has voted; the hands that were counted stay beside the answer. */
function covered(nodes, question, options, told) {
  const counts = options.map(() =>
    element("input", { type: "number", min: 0, value: 0, "data-lm-suppress-shortcuts": "true" }),
  );
  counts.forEach((count, i) => count.setAttribute("aria-label", `hands for ${options[i]}`));
  const ballot = element(
    "div",
    { class: "lm-ballot" },
    ...options.map((option, i) => element("label", {}, counts[i], ` ${option}`)),
  );
  const cover = element("div", { class: "lm-cover" }, element("p", {}, question), ballot);
  const reveal = () => {
    cover.replaceWith(
      ...nodes,
      ...(options.length
        ? [
            result(
              question,
              options,
              counts.map((count) => Number(count.value)),
            ),
          ]
        : []),
    );
    told();
  };
  cover.append(tools(["reveal", reveal]));
  return cover;
}

function result(question, options, hands) {
  const most = Math.max(1, ...hands);
  const rows = options.map((option, i) =>
    element(
      "tr",
      {},
      element("td", {}, option),
      element("td", { class: "lm-n" }, String(hands[i])),
      element(
        "td",
        {},
        element(
          "span",
          { class: "lm-track" },
          element("span", {
            class: "lm-fill",
            style: `left:0;width:${(100 * hands[i]) / most}%;background:var(--lm-orange)`,
          }),
        ),
      ),
    ),
  );
  return element(
    "div",
    { class: "lm-votes" },
    element("div", { class: "lm-title" }, question),
    element("table", {}, ...rows),
  );
}

// Backprop stepper: the graph in the middle, the sentence of the step above it, and what may be changed above that.

import { element } from "./elements.js";
import { lineChart } from "./charts.js";
import { slider, stepper, textField, tools } from "./controls.js";
import { figure, lossByRate, stepsThrough } from "./gradients.js";
import { graphView, indexed } from "./graph_view.js";
import { stage } from "./stage.js";

const RATES = Array.from({ length: 61 }, (_, i) => 10 ** (i / 20 - 3)); // 0.001 to 1

function render({ model, el }) {
  const graph = () => model.get("given");
  const values = () => ({
    ...Object.fromEntries(graph().leaves.map((name) => [name, 1])),
    ...model.get("state").values,
  });
  const weights = () =>
    (model.get("state").train ?? graph().usual_weights).filter((name) => graph().leaves.includes(name));
  let found = null; // the last steps that could be computed

  const text = textField({ label: "formulas", lines: 4, write: (written) => shown.share({ text: written, step: 0 }) });
  const numbers = numberFields((name, value) => shown.share({ values: { ...values(), [name]: value } }));
  const steps = stepper({ label: "step", count: 2, go: (step) => shown.share({ step }) });
  const said = element("div", { class: "lm-headline", "aria-live": "polite" });
  const picture = graphView((at) =>
    shown.tell(about(graph(), found, Math.min(shown.state().step, found.steps.length - 1), at)),
  );
  const downhill = rateChart({
    move: (lr) => shown.share({ lr }),
    keep: () =>
      shown.share({
        values: {
          ...values(),
          ...Object.fromEntries(weights().map((name) => [name, Number(found.updated[name].toPrecision(10))])),
        },
      }),
    onpoint: (lr, loss) =>
      shown.tell(
        `learning rate ${figure(lr)}: after one step the loss is ${Number.isFinite(loss) ? figure(loss) : "no finite number"}`,
      ),
  });
  const shown = stage({
    model,
    el,
    name: "backprop_stepper",
    open: [element("div", { class: "lm-row lm-given" }, text.node, numbers.node)],
    answer: [element("div", { class: "lm-wide" }, steps.node, said, picture.node, legend(), downhill.node)],
    question: "Which number will a step downhill change most?",
    options: weights(),
    line: ({ text: written, train, lr, step }) => [
      JSON.stringify(written),
      { values: values(), ...(train ? { train } : {}), lr, step },
    ],
  });
  return shown.run(() => {
    const state = shown.state();
    text.set(state.text);
    numbers.paint(graph().leaves, values(), weights());
    try {
      found = stepsThrough(graph(), values(), weights(), state.lr);
    } catch (error) {
      shown.tell(error.message);
      return;
    }
    const at = Math.min(state.step, found.steps.length - 1);
    steps.set(at, found.steps.length);
    indexed(said, found.steps[at].said);
    picture.paint(look(graph(), found, at, weights()));
    downhill.node.style.display = at === found.steps.length - 1 && weights().length ? "" : "none";
    downhill.paint(found, (rates) => lossByRate(graph(), values(), weights(), rates), state.lr);
    shown.tell("");
  });
}

/** What a node, or an arrow, has to say at a step. */
function about(graph, { steps, arrows, loss }, at, { name, arrow }) {
  if (name === undefined) {
    const { source, node, slope, rule } = arrows[arrow];
    const local = `∂${node}/∂${source} = ${rule}${rule === figure(slope) ? "" : ` = ${figure(slope)}`}`;
    return `${local}: if ${source} grows by a little, ${node} grows ${figure(slope)} times as much`;
  }
  const { values, gradients } = steps[at],
    formula = graph.lines.find((line) => line.name === name)?.said;
  const value =
    name in values ? `${name} = ${formula ? `${formula} = ` : ""}${exact(values[name])}` : `${name}: not computed yet`;
  return name in gradients
    ? `${value}; ∂${loss}/∂${name} = ${exact(gradients[name])}: what ${loss} gains for each 1 that ${name} grows`
    : value;
}

function legend() {
  return element(
    "div",
    { class: "lm-legend" },
    element("span", { style: "color:rgb(var(--lm-blue))" }, "value, going forward"),
    element("span", { style: "color:var(--lm-orange)" }, "gradient of the loss, coming back"),
    element("span", {}, "double frame: may be changed"),
  );
}

/** The loss after one step against the learning rate, and the slider of that rate. */
function rateChart({ move, keep, onpoint }) {
  const rate = slider({
    label: "learning rate",
    min: -3,
    max: 0,
    step: 0.05,
    show: (power) => figure(10 ** power),
    move: (power) => move(Number((10 ** power).toPrecision(2))),
  });
  /** @type {(rates: number[]) => number[][]} */
  let lossAt = () => [];
  const curve = lineChart({
    title: "the loss after this one step, by learning rate",
    x: "learning rate",
    y: "loss",
    logX: true,
    width: 460,
    height: 230,
    onpoint: (lr) => onpoint(lr, lossAt([lr])[0][1]),
  });
  const paint = ({ steps, loss }, lossBy, lr) => {
    lossAt = lossBy;
    rate.set(Math.log10(Math.max(lr, 1e-9)));
    const before = steps.find(({ gradients }) => loss in gradients).values[loss];
    const points = lossBy(RATES);
    const low = Math.min(before, ...points.map(([, after]) => after).filter(Number.isFinite));
    const high = before + (before - low || 1);
    curve.paint(
      [
        { name: "after the step", points: points.map(([x, after]) => [x, after <= high ? after : NaN]) },
        {
          name: `before: ${figure(before)}`,
          points: [
            [RATES[0], before],
            [1, before],
          ],
          colour: "currentColor",
          dashed: true,
        },
      ],
      { x: [0.001, 1], y: [low, high] },
    );
    curve.show(Math.min(1, Math.max(0.001, lr)));
  };
  const node = element(
    "div",
    { class: "lm-row" },
    curve.node,
    element("div", {}, rate.node, tools(["keep the new weights", keep])),
  );
  return { node, paint };
}

/** What each box and arrow shows at a step. */
export function look(graph, { steps, arrows }, at, weights) {
  const step = steps[at],
    last = weights.length > 0 && at === steps.length - 1; // the step downhill
  const before = last ? steps[at - 1].values : {};
  const way = Object.keys(step.gradients).length ? "backward" : "forward";
  const used = new Set(
    steps
      .slice(0, at)
      .map(({ arrow }) => arrow)
      .filter((arrow) => arrow && way === "backward"),
  );
  const boxes = Object.fromEntries(
    graph.columns.flat().map((name) => {
      const value = name in step.values ? figure(step.values[name]) : "";
      const old = name in before ? figure(before[name]) : value;
      return [
        name,
        {
          value: old === value ? value : `${old} → ${value}`,
          gradient: name in step.gradients ? figure(step.gradients[name]) : "",
          formula: graph.lines.find((line) => line.name === name)?.said ?? "",
          active: at > 0 && step.active.includes(name) ? way : "",
          weight: weights.includes(name),
        },
      ];
    }),
  );
  const forward = (arrow) => at > 0 && way === "forward" && (last || step.active.includes(arrow.node));
  const mode = (arrow) =>
    arrow === step.arrow ? "backward" : used.has(arrow) ? "used" : forward(arrow) ? "forward" : "rest";
  const label = ({ slope }) => `× ${figure(Number(slope.toPrecision(3)))}`;
  return {
    columns: graph.columns,
    boxes,
    arrows: arrows.map((arrow) => ({ ...arrow, label: label(arrow), mode: mode(arrow) })),
  };
}

function exact(value) {
  return String(Number(value.toPrecision(8))).replaceAll("-", "−");
}

/** A field for each name that is given; weights first to be seen as such. */
function numberFields(change) {
  const fields = [],
    holder = element("div", { class: "lm-numbers" });
  const node = element(
    "div",
    {},
    element("div", { class: "lm-title" }, "values that are given (bold: may be changed by training)"),
    holder,
  );
  const grow = () => {
    const input = element("input", { type: "number", step: "any", "data-lm-suppress-shortcuts": "true" }),
      label = element("span");
    const field = { input, label, name: "", node: element("label", {}, label, input) };
    input.addEventListener("input", () => {
      if (input.value !== "" && Number.isFinite(input.valueAsNumber)) change(field.name, input.valueAsNumber);
    });
    input.addEventListener("keydown", (event) => event.stopPropagation());
    fields.push(field);
    holder.append(field.node);
  };
  const paint = (names, values, weights) => {
    while (fields.length < names.length) grow();
    fields.forEach((field, i) => {
      field.node.style.display = i < names.length ? "" : "none";
      if (i >= names.length) return;
      field.name = names[i];
      indexed(field.label, names[i]);
      field.label.style.fontWeight = weights.includes(names[i]) ? 700 : 400;
      field.input.setAttribute("aria-label", names[i]);
      if (field.input.valueAsNumber !== values[names[i]]) field.input.value = values[names[i]];
    });
  };
  return { node, paint };
}

export default { render };

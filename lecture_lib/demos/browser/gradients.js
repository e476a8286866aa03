// Back-propagation through a graph of scalars, step by step, as Python's `backprop_stepper.compute` takes the steps.
// graph: what Python's `sent_graph` sent: columns, leaves, lines of { name, tree, said, inputs: [[name, rule]] }.

const sigmoid = (x) => 0.5 * (1 + Math.tanh(x / 2));
const FUNCTIONS = {
  exp: [Math.exp, Math.exp],
  log: [Math.log, (x) => 1 / x],
  tanh: [Math.tanh, (x) => 1 - Math.tanh(x) ** 2],
  sigmoid: [sigmoid, (x) => sigmoid(x) * (1 - sigmoid(x))],
  relu: [(x) => Math.max(x, 0), (x) => Number(x > 0)],
};
const OPERATIONS = {
  "+": ([a, da], [b, db]) => [a + b, da + db],
  "-": ([a, da], [b, db]) => [a - b, da - db],
  "*": ([a, da], [b, db]) => [a * b, da * b + a * db],
  "/": ([a, da], [b, db]) => [a / b, (da * b - a * db) / (b * b)],
  "**": ([a, da], [b]) => [a ** b, b ? b * a ** (b - 1) * da : 0],
};

/** [value, derivative by the name `by`] of a tree, carried along together (dual numbers). */
function dual(tree, values, by = null) {
  if (typeof tree === "number") return [tree, 0];
  if (typeof tree === "string") return [values[tree], Number(tree === by)];
  const [operator, ...inputs] = tree;
  const parts = inputs.map((input) => dual(input, values, by));
  if (operator === "neg") return [-parts[0][0], -parts[0][1]];
  if (operator in OPERATIONS) return OPERATIONS[operator](...parts);
  const [value, slope] = FUNCTIONS[operator];
  return [value(parts[0][0]), slope(parts[0][0]) * parts[0][1]];
}

function evaluated(line, values, by = null) {
  const [value, slope] = dual(line.tree, values, by);
  if (!Number.isFinite(value) || !Number.isFinite(slope))
    throw new RangeError(`${line.said} is no finite number here; choose other values`);
  return [value, slope];
}

/** A number as it is written beside a node: four digits, a true minus. */
export function figure(given) {
  const value = Number(given.toFixed(10)) + 0;
  const size = Math.abs(value);
  if (size === 0) return "0";
  const [mantissa, power] = value.toExponential(3).split("e").map(Number);
  const exponent = () => `${mantissa}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  const text =
    size >= 1e4 && size < 1e6
      ? value.toFixed(0)
      : power < -4 || power >= 4
        ? exponent()
        : String(Number(value.toPrecision(4)));
  return text.replaceAll("-", "−");
}

/** A number in a product: negative ones in brackets. */
export function factor(value) {
  const text = figure(value);
  return text.startsWith("−") ? `(${text})` : text;
}

/** What is said, with each name's value in its place. */
function withNumbers(formula, values) {
  return formula.replace(/[\p{L}_][\p{L}\p{N}_]*/gu, (name) =>
    Object.hasOwn(values, name) ? factor(values[name]) : name,
  );
}

/**
 * All steps: { steps: [{ values, gradients, said, active, arrow }], arrows: [{ source, node, slope, rule }], loss,
 * updated }. Throws RangeError, in one line, for what is no finite number.
 */
export function stepsThrough(graph, values, weights, lr) {
  const known = Object.fromEntries(graph.leaves.map((name) => [name, values[name]]));
  const steps = [],
    arrows = [];
  const add = (said, active, gradients = {}, arrow = null) =>
    steps.push({ values: { ...known }, gradients: { ...gradients }, said, active, arrow });
  add("The graph, and the values that are given.", graph.leaves);
  for (const line of graph.lines) {
    [known[line.name]] = evaluated(line, known);
    for (const [source, rule] of line.inputs)
      arrows.push({ source, node: line.name, slope: evaluated(line, known, source)[1], rule });
    const parts = new Set([line.name, line.said, withNumbers(line.said, known), figure(known[line.name])]);
    add(`Forward: ${[...parts].join(" = ")}`, [line.name]);
  }
  const names = graph.lines.map((line) => line.name),
    loss = names.at(-1);
  const data = new Set(weights.length ? graph.leaves.filter((name) => !weights.includes(name)) : []);
  const gradients = { [loss]: 1 };
  add(`Backward begins at ${loss}: if ${loss} grows by 1, ${loss} grows by 1.`, [loss], gradients);
  for (const node of [...names].reverse())
    for (const arrow of arrows) {
      if (arrow.node === node && node in gradients && !data.has(arrow.source))
        add(blame(arrow, loss, gradients), [arrow.source], gradients, arrow);
    }
  const updated = downhill(graph, known, gradients, weights, lr);
  if (weights.length) {
    const moved = weights.map(
      (name) =>
        `${name}: ${figure(known[name])} − ${figure(lr)} · ${factor(gradients[name] ?? 0)} = ${figure(updated[name])}`,
    );
    const result = names
      .slice(-2)
      .map((name) => `${name} = ${figure(updated[name])}`)
      .join(" and ");
    const said = `A step downhill. ${moved.join(", ")}. Forward again: ${result}.`;
    steps.push({ values: updated, gradients: {}, said, active: [...weights, ...names], arrow: null });
  }
  return { steps, arrows, loss, updated };
}

/** One arrow backwards: adds to the gradients, and says how. */
function blame({ source, node, slope, rule }, loss, gradients) {
  const behind = gradients[node],
    before = gradients[source],
    part = behind * slope;
  gradients[source] = (before ?? 0) + part;
  const local = rule === figure(slope) ? "" : `; ∂${node}/∂${source} = ${rule}`;
  const said = `∂${loss}/∂${source} = ∂${loss}/∂${node} · ∂${node}/∂${source} = ${figure(behind)} · ${factor(slope)} = ${figure(part)}${local}`;
  return before === undefined
    ? said
    : `${said}; added to the ${figure(before)} of another path: ${figure(gradients[source])}`;
}

/** The value of every name after one step downhill. */
function downhill(graph, known, gradients, weights, lr) {
  const after = Object.fromEntries(
    graph.leaves.map((name) => [name, known[name] - (weights.includes(name) ? lr * (gradients[name] ?? 0) : 0)]),
  );
  for (const line of graph.lines) [after[line.name]] = evaluated(line, after);
  return after;
}

/** [learning rate, loss after one step with it] pairs; null where the loss is no finite number. */
export function lossByRate(graph, values, weights, rates) {
  const { steps, loss } = stepsThrough(graph, values, [], 0);
  const { gradients, values: known } = steps.at(-1);
  return rates.map((lr) => {
    try {
      return [lr, downhill(graph, known, gradients, weights, lr)[loss]];
    } catch {
      return [lr, NaN];
    }
  });
}

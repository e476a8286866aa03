// Model calculator: shape, data and hardware by sliders; parameters, operations, memory and days at once.

import { element, keys, number } from "./elements.js";
import { choice, slider, toggle } from "./controls.js";
import { brief, cost, duration, inBytes, plain } from "./costs.js";
import { stage } from "./stage.js";

const COLOURS = [
  "var(--lm-sky)",
  "var(--lm-yellow)",
  "rgb(var(--lm-blue))",
  "var(--lm-green)",
  "var(--lm-pink)",
  "var(--lm-orange)",
];
const WIDTHS = [
  ...[64, 128, 256, 384, 512, 576, 768, 1024, 1280, 1536, 1600, 2048],
  ...[2560, 3072, 4096, 5120, 6144, 8192, 10240, 12288, 16384],
];
const powers = (from, to, per) =>
  Array.from({ length: Math.round(Math.log10(to / from) * per.length) + 1 }, (_, i) =>
    Number((from * 10 ** Math.floor(i / per.length) * per[i % per.length]).toPrecision(6)),
  );
const doublings = (from, to) => Array.from({ length: Math.log2(to / from) + 1 }, (_, i) => from * 2 ** i);
const divisors = (n) => Array.from({ length: n }, (_, i) => i + 1).filter((k) => n % k === 0);
const nearest = (options, wanted) =>
  options.reduce((best, other) => (Math.abs(other - wanted) < Math.abs(best - wanted) ? other : best));

function render({ model, el }) {
  const { models, gpus, parts } = model.get("given");
  const names = Object.keys(models),
    cards = Object.keys(gpus);
  const state = () => model.get("state");
  const share = (changes) => shown.share(changes);
  const widths = (d_model, llama) => (llama ? 8 * Math.ceil(d_model / 3) : 4 * d_model);
  const widen = (d_model) => {
    const { d_model: was, n_heads: heads, n_kv_heads: kv, llama } = state();
    const n_heads = nearest(
      divisors(d_model).filter((n) => n <= 128),
      d_model / (was / heads),
    );
    share({
      d_model,
      n_heads,
      n_kv_heads: nearest(divisors(n_heads), (n_heads * kv) / heads),
      d_ff: widths(d_model, llama),
    });
  };
  const headOptions = () => divisors(state().d_model).filter((n) => n <= 128 && state().d_model / n >= 4);
  const by = (key, label, values, show = (value) => value.toLocaleString("en")) =>
    slider({ label, values, show, move: (value) => share({ [key]: value }) });
  const groups = {
    shape: {
      n_layers: by("n_layers", "layers", [1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 30, 32, 36, 40, 48, 64, 80, 96, 128]),
      d_model: slider({ label: "width d_model", values: WIDTHS, move: widen, show: (d) => d.toLocaleString("en") }),
      n_heads: slider({
        label: "heads",
        min: 0,
        max: 1,
        show: () => `${state().n_heads} × ${state().d_model / state().n_heads}`,
        move: (i) =>
          share({ n_heads: headOptions()[i], n_kv_heads: nearest(divisors(headOptions()[i]), state().n_kv_heads) }),
      }),
      n_kv_heads: slider({
        label: "K, V heads",
        min: 0,
        max: 1,
        show: () => String(state().n_kv_heads),
        move: (i) => share({ n_kv_heads: divisors(state().n_heads)[i] }),
      }),
      vocab_size: by(
        "vocab_size",
        "vocabulary",
        [86, 256, 1000, 8000, 16000, 32000, 49152, 50257, 65536, 100000, 128000, 200000, 256000],
      ),
      block_size: by("block_size", "context T", doublings(64, 2 ** 20)),
    },
    data: {
      n_tokens: by("n_tokens", "tokens read", powers(1e6, 1e14, [1, 2, 3, 5]), (n) => brief(n)),
      batch: by("batch", "texts at once", doublings(1, 8192)),
      bytes: by("bytes", "bytes a number", [0.5, 1, 2, 4], (n) => `${n} (${8 * n} bits)`),
    },
    machine: {
      peak: by(
        "peak",
        "peak of a GPU",
        powers(0.1, 10000, [1, 1.25, 1.65, 2, 3.12, 5, 6.5, 9.89]),
        (n) => `${n} TFLOP/s`,
      ),
      memory: by("memory", "its memory", [4, 8, 16, 24, 32, 40, 48, 80, 96, 141, 192], (n) => `${n} GB`),
      utilisation: slider({
        label: "of the peak",
        min: 0.05,
        max: 1,
        step: 0.05,
        show: (u) => `${Math.round(100 * u)}%`,
        move: (value) => share({ utilisation: Number(value.toFixed(2)) }),
      }),
      gpus: by("gpus", "GPUs", doublings(1, 65536)),
    },
  };
  const preset = element(
    "select",
    {
      "aria-label": "model",
      onchange: ({ target }) => share(models[target.value]),
      "data-lm-suppress-shortcuts": "true",
    },
    element("option", { value: "", hidden: "" }, "a shape of your own"),
    ...names.map((name) => element("option", { value: name }, name)),
  );
  const llama = toggle({
    label: "Llama's block (RMSNorm, RoPE, SwiGLU, no bias)",
    turn: (on) => share({ llama: on, d_ff: widths(state().d_model, on) }),
  });
  const tied = toggle({ label: "head is the embedding", turn: (tied_head) => share({ tied_head }) });
  const gpu = choice({
    label: "GPU",
    options: cards,
    choose: (i) => share({ peak: gpus[cards[i]][0], memory: gpus[cards[i]][1] }),
  });
  const column = (title, ...nodes) => element("div", {}, element("div", { class: "lm-title" }, title), ...nodes);
  const of = (group) => Object.values(groups[group]).map((part) => part.node);
  const controls = element(
    "div",
    { class: "lm-calc-controls" },
    column("model", preset, ...of("shape"), element("div", {}, llama.node), tied.node),
    column(
      "data and precision",
      ...of("data"),
      element("div", { class: "lm-title", style: "padding-top:0.6em" }, "hardware"),
      gpu.node,
      ...of("machine"),
    ),
  );
  const results = resultsOf(parts, (text) => shown.tell(text));
  const shown = stage({
    model,
    el,
    name: "model_calculator",
    controls: [],
    open: [controls],
    answer: [results.node],
    question: "How many parameters has this model?",
    options: ["under 100 million", "100 million to 1 billion", "1 to 10 billion", "10 to 100 billion", "more"],
    line: (now) => ["", now],
  });
  return shown.run(() => {
    const now = state();
    preset.value = names.find((name) => Object.entries(models[name]).every(([key, value]) => now[key] === value)) ?? "";
    llama.set(now.llama);
    tied.set(now.tied_head);
    gpu.set(cards.findIndex((name) => gpus[name][0] === now.peak && gpus[name][1] === now.memory));
    const heads = headOptions(),
      kv = divisors(now.n_heads);
    groups.shape.n_heads.limits(0, heads.length - 1);
    groups.shape.n_kv_heads.limits(0, kv.length - 1);
    const places = { ...now, n_heads: heads.indexOf(now.n_heads), n_kv_heads: kv.indexOf(now.n_kv_heads) };
    for (const group of Object.values(groups)) for (const [key, part] of Object.entries(group)) part.set(places[key]);
    results.paint(cost(now), now);
    if (!shown.node.contains(results.node)) return;
    const each = brief(cost(now).tokens_per_parameter);
    shown.tell(
      `${each} tokens are read for each parameter; best for a given budget are about 20 (Hoffmann et al. 2022).`,
    );
  });
}

/** Parameters as a bar of parts, then what they cost, then what fits into a GPU. */
function resultsOf(parts, tell) {
  const total = element("div", { style: "font-size:1.9em;font-weight:700;line-height:1.2" });
  const segments = parts.map((name, i) => element("i", { style: `background:${COLOURS[i]}`, "data-part": name }));
  const bar = element("div", { class: "lm-calc-bar", role: "img" }, ...segments);
  const rows = parts.map((name, i) => {
    const count = element("td", { class: "lm-n" }),
      share = element("td", { class: "lm-n" });
    const chip = element("i", { class: "lm-calc-chip", style: `background:${COLOURS[i]}` });
    return { count, share, line: element("tr", { tabindex: i ? -1 : 0 }, element("td", {}, chip, name), count, share) };
  });
  let found = null;
  const say = (i) => {
    const count = found.parts[parts[i]],
      share = number((100 * count) / found.n_params, 1);
    tell(`${parts[i]}: ${count.toLocaleString("en")} parameters, ${share}% of ${found.n_params.toLocaleString("en")}`);
  };
  rows.forEach(({ line }, i) => {
    line.addEventListener("pointerenter", () => say(i));
    line.addEventListener("focus", () => say(i));
    segments[i].addEventListener("pointerenter", () => say(i));
    const to = (by) => () => rows[i + by]?.line.focus();
    keys(line, { ArrowDown: to(1), ArrowUp: to(-1) });
  });
  const costs = facts(
    ["training, 6 N D", ({ flops }) => `${brief(flops)} FLOP`],
    ["in petaflop/s-days", ({ petaflop_days }) => plain(petaflop_days)],
    ["scores add, at this context", ({ attention_share }) => `${number(100 * attention_share, 1)}%`],
    ["steps", ({ steps }) => plain(steps)],
    ["time", ({ seconds }) => duration(seconds)],
  );
  const memory = memoryBars();
  const table = element("table", { "aria-label": "parameters by part" }, ...rows.map(({ line }) => line));
  const node = element(
    "div",
    { class: "lm-calc" },
    total,
    bar,
    element("div", { class: "lm-row" }, table, costs.node),
    memory.node,
  );
  const paint = (now, model) => {
    found = now;
    total.textContent = `${brief(now.n_params)} parameters`;
    bar.setAttribute("aria-label", parts.map((name) => `${name} ${brief(now.parts[name])}`).join(", "));
    parts.forEach((name, i) => {
      segments[i].style.width = `${(100 * now.parts[name]) / now.n_params}%`;
      rows[i].count.textContent = brief(now.parts[name]);
      rows[i].share.textContent = `${number((100 * now.parts[name]) / now.n_params, 1)}%`;
    });
    costs.paint(now);
    memory.paint(now, model);
  };
  return { node, paint };
}

function facts(...pairs) {
  const cells = pairs.map(() => element("td", { class: "lm-n", style: "font-weight:600" }));
  const node = element(
    "table",
    { "aria-label": "what training costs" },
    ...pairs.map(([label], i) => element("tr", {}, element("td", {}, label), cells[i])),
  );
  return {
    node,
    paint: (found) =>
      pairs.forEach(([, of], i) => {
        cells[i].textContent = of(found);
      }),
  };
}

/** Memory against that of one GPU, on a logarithmic scale from 1 MB to 10 PB. */
function memoryBars() {
  const kinds = [
    ["weights", "weights"],
    ["keys and values, one text", "cache_text"],
    ["keys and values, all texts", "cache_batch"],
    ["writing: weights, keys, values", "inference"],
    ["training: weights, gradients, Adam", "training_state"],
    ["activations of one text", "activations_text"],
  ];
  const at = (value) => `${100 * Math.min(1, Math.max(0.004, Math.log10(Math.max(value, 1e6) / 1e6) / 10))}%`;
  const rows = kinds.map(([label, key]) => {
    const fill = element("i"),
      stroke = element("u"),
      value = element("td", { class: "lm-n" }),
      fits = element("td");
    const track = element("div", { class: "lm-calc-memory" }, fill, stroke);
    return {
      key,
      fill,
      stroke,
      value,
      fits,
      line: element("tr", {}, element("td", {}, label), value, element("td", {}, track), fits),
    };
  });
  const title = element("div", { class: "lm-title", style: "padding-top:0.6em" });
  const paint = (found, { memory }) => {
    title.textContent = `memory; each line is ten times more, the stroke one GPU: ${memory} GB`;
    for (const { key, fill, stroke, value, fits } of rows) {
      const over = found[key] / (memory * 1e9);
      fill.style.width = at(found[key]);
      fill.style.background = over <= 1 ? "rgb(var(--lm-blue))" : "var(--lm-orange)";
      stroke.style.left = at(memory * 1e9);
      value.textContent = inBytes(found[key]);
      fits.textContent = over <= 1 ? "fits" : `${Math.ceil(over).toLocaleString("en")} GPUs`;
      fits.style.color = over <= 1 ? "" : "var(--lm-orange)";
      fits.style.fontWeight = over <= 1 ? 400 : 600;
    }
  };
  return {
    node: element("div", {}, title, element("table", { "aria-label": "memory" }, ...rows.map(({ line }) => line))),
    paint,
  };
}

export default { render };

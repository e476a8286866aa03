// Bars and lines, made once and moved.

import { attribute, element, keys, number, placeIn, shape } from "./elements.js";

/** A bar inside a table's cell: set(share) moves it; negative shares go left of the middle, in orange. */
export function bar(signed = false) {
  const fill = element("span", { class: "lm-fill" });
  const node = element("span", { class: "lm-track" }, fill);
  const set = (share, colour = share < 0 ? "var(--lm-orange)" : "rgb(var(--lm-blue))") => {
    const width = 100 * Math.min(1, Math.abs(share)) * (signed ? 0.5 : 1);
    fill.style.cssText = `width:${width}%;${signed ? (share < 0 ? "right:50%" : "left:50%") : "left:0"};background:${colour}`;
  };
  return { node, set };
}

/**
 * A table of bars, a row for each name: paint([{ name, value, share, dim, note, colour }]) fills as many rows as given.
 * value: text, or a number that is written with `digits`. onpoint(i): hover or arrow keys; onact(i): click or Enter.
 */
export function barList({ title = "", rows = 0, digits = 3, onpoint = null, onact = null }) {
  const caption = element("div", { class: "lm-title" }, title);
  const table = element("table", { "aria-label": title });
  const lines = [];
  const grow = (count) => {
    while (lines.length < count) {
      const i = lines.length;
      const parts = {
        name: element("td", {}),
        value: element("td", { class: "lm-n" }),
        bar: bar(),
        note: element("td", { class: "lm-note" }),
      };
      parts.line = element(
        "tr",
        { onpointerenter: () => onpoint?.(i), onclick: () => onact?.(i) },
        parts.name,
        parts.value,
        element("td", {}, parts.bar.node),
        parts.note,
      );
      if (onpoint || onact) {
        const to = (by) => () => lines[i + by]?.line.style.display !== "none" && lines[i + by]?.line.focus();
        parts.line.tabIndex = i === 0 ? 0 : -1;
        parts.line.addEventListener("focus", () => onpoint?.(i));
        keys(parts.line, { ArrowDown: to(1), ArrowUp: to(-1), Enter: () => onact?.(i), " ": () => onact?.(i) });
      }
      lines.push(parts);
      table.append(parts.line);
    }
  };
  grow(rows);
  const paint = (items, heading = null) => {
    if (heading !== null) caption.textContent = heading;
    grow(items.length);
    lines.forEach((parts, i) => {
      parts.line.style.display = i < items.length ? "" : "none";
      if (i >= items.length) return;
      const { name, value, share, dim = false, note = "", colour } = items[i];
      parts.name.textContent = name;
      parts.value.textContent = typeof value === "number" ? number(value, digits) : value;
      parts.bar.set(share, colour);
      parts.note.textContent = note;
      parts.line.classList.toggle("lm-masked", dim);
    });
  };
  return { node: element("div", {}, caption, table), paint };
}

/**
 * Lines over a common x. paint([{ name, points: [[x, y], ...], colour, dashed }], { x: [low, high], y: [low, high] })
 * redraws; onpoint(x) is called for the x under the mouse, and for the next one, `step` away (`step` doublings if logX), at
 * an arrow key. Scales are linear unless logX or logY, which a range may also say; y: [high, low] puts the lowest on top.
 * A line may have its own `width` and `opacity`.
 */
export function lineChart({
  title = "",
  x = "",
  y = "",
  width = 460,
  height = 260,
  logX = false,
  logY = false,
  step = 1,
  onpoint,
}) {
  const inner = { left: 58, right: 12, top: 10, bottom: 46 };
  const svg = shape("svg", { width, height, role: "img", "aria-label": `${title}: ${y} against ${x}` });
  let at = null;
  const point = (value) => {
    at = value;
    onpoint(value);
  };
  const away = (from, by) => (logX ? from * 2 ** by : from + by);
  const move = (by) => () =>
    scales && point(Math.min(scales.x.high, Math.max(scales.x.low, away(at ?? scales.x.low, by))));
  if (onpoint) {
    attribute(svg, { tabindex: 0, role: "application" });
    keys(svg, { ArrowLeft: move(-step), ArrowRight: move(step), Home: move(-Infinity), End: move(Infinity) });
  }
  const axes = shape("g"),
    curves = shape("g"),
    cursor = shape("line", {
      stroke: "var(--lm-orange)",
      "stroke-width": 2,
      visibility: "hidden",
      y1: inner.top,
      y2: height - inner.bottom,
    });
  svg.append(axes, curves, cursor);
  let scales = null;
  const paint = (lines, range = {}) => {
    const all = lines.flatMap((line) => line.points).filter(([a, b]) => Number.isFinite(a) && Number.isFinite(b));
    scales = {
      x: scale(range.x ?? extent(all.map(([a]) => a)), [inner.left, width - inner.right], logX),
      y: scale(range.y ?? extent(all.map(([, b]) => b)), [height - inner.bottom, inner.top], range.logY ?? logY),
    };
    axes.replaceChildren(...axis(scales, inner, width, height, x, y));
    curves.replaceChildren(
      ...lines.map(
        ({ points, colour = "rgb(var(--lm-blue))", dashed = false, name = "", width: thick = 2.5, opacity = 1 }) => {
          const path = points
            .filter(([a, b]) => Number.isFinite(a) && Number.isFinite(b))
            .map(([a, b], i) => `${i ? "L" : "M"}${scales.x.at(a).toFixed(1)},${scales.y.at(b).toFixed(1)}`)
            .join("");
          const drawn = shape("path", {
            d: path,
            fill: "none",
            stroke: colour,
            "stroke-width": thick,
            "stroke-opacity": opacity,
            "stroke-dasharray": dashed ? "6 5" : "none",
          });
          drawn.append(shape("title", {}, name));
          return drawn;
        },
      ),
    );
    legend.replaceChildren(
      ...lines
        .filter((line) => line.name)
        .map(({ name, colour = "rgb(var(--lm-blue))", dashed }) =>
          element("span", {}, element("i", { style: `border-top:3px ${dashed ? "dashed" : "solid"} ${colour}` }), name),
        ),
    );
  };
  const show = (value) => {
    at = value;
    attribute(cursor, { x1: scales.x.at(value), x2: scales.x.at(value), visibility: "visible" });
  };
  svg.addEventListener("pointermove", (event) => {
    if (!scales || !onpoint) return;
    point(Math.min(scales.x.high, Math.max(scales.x.low, scales.x.back(placeIn(svg, event)[0]))));
  });
  const legend = element("div", { class: "lm-legend" });
  return { node: element("div", {}, element("div", { class: "lm-title" }, title), svg, legend), paint, show };
}

function extent(values) {
  const low = Math.min(...values),
    high = Math.max(...values);
  return Number.isFinite(low) ? (low === high ? [low - 1, high + 1] : [low, high]) : [0, 1];
}

function scale([low, high], [from, to], log) {
  const warp = log ? Math.log10 : (value) => value;
  const [a, b] = [warp(low), warp(high)];
  return {
    low,
    high,
    log,
    at: (value) => from + ((warp(value) - a) / (b - a)) * (to - from),
    back: (pixel) => {
      const value = a + ((pixel - from) / (to - from)) * (b - a);
      return log ? 10 ** value : value;
    },
  };
}

/** Round numbers between low and high, about four of them; powers of ten on a logarithmic scale. */
function ticks(low, high, log = false) {
  if (low > high) return ticks(high, low, log); // an axis that runs the other way
  if (log)
    return Array.from(
      { length: Math.floor(Math.log10(high) + 1e-9) - Math.ceil(Math.log10(low) - 1e-9) + 1 },
      (_, i) => 10 ** (Math.ceil(Math.log10(low) - 1e-9) + i),
    );
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.7);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
}

function axis(scales, inner, width, height, x, y) {
  const bottom = height - inner.bottom;
  const line = (attributes) => shape("line", { stroke: "var(--lm-line)", ...attributes });
  const text = (attributes, words) => shape("text", { "font-size": 16, ...attributes }, words);
  const written = (value) =>
    Math.abs(value) >= 1e5 ? value.toExponential(0).replace("+", "") : String(value).replace("-", "−");
  const across = ticks(scales.x.low, scales.x.high, scales.x.log).flatMap((value) => [
    line({ x1: scales.x.at(value), x2: scales.x.at(value), y1: bottom, y2: bottom + 5 }),
    text({ x: scales.x.at(value), y: bottom + 19, "text-anchor": "middle" }, written(value)),
  ]);
  const up = ticks(scales.y.low, scales.y.high, scales.y.log).flatMap((value) => [
    line({ x1: inner.left, x2: width - inner.right, y1: scales.y.at(value), y2: scales.y.at(value) }),
    text(
      { x: inner.left - 7, y: scales.y.at(value), "text-anchor": "end", "dominant-baseline": "central" },
      written(value),
    ),
  ]);
  const names = [
    text({ x: (inner.left + width - inner.right) / 2, y: height - 6, "text-anchor": "middle" }, x),
    text({ transform: `translate(14,${(inner.top + bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, y),
  ];
  return [...up, line({ x1: inner.left, x2: width - inner.right, y1: bottom, y2: bottom }), ...across, ...names];
}

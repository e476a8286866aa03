// How a word is encoded: its bytes at the foot, each merge that applies above them, the tokens that remain at the top.

import { attribute, element, keys, pool, shape } from "./elements.js";

const LEVEL = 46,
  BOX = 32,
  GAP = 18,
  MOST_BYTES = 48;

/** paint(pieces of trees, look): look(id) gives { text, colour } of a token. onpoint(id): hover or arrow keys. */
export function mergeTree(onpoint) {
  const svg = shape("svg", {
    tabindex: 0,
    role: "application",
    "aria-label": "The word as a tree of merges. Arrow keys move among its tokens.",
  });
  const lines = pool(svg, () => shape("line", { stroke: "currentColor", "stroke-opacity": 0.5, "stroke-width": 2 }));
  const boxes = pool(svg, () => {
    const node = shape("g"),
      back = shape("rect", { rx: 6, height: BOX, "stroke-width": 2 });
    const text = shape("text", {
      "text-anchor": "middle",
      "dominant-baseline": "central",
      "font-family": "ui-monospace, monospace",
    });
    node.append(back, text);
    node.addEventListener("pointerenter", () => onpoint(node.about));
    return Object.assign(node, { back, text });
  });
  const ids = pool(svg, () => shape("text", { "text-anchor": "middle", "font-size": 16, "fill-opacity": 0.8 }));
  const more = element("div", { class: "lm-masked" });
  let at = 0,
    top = [];
  const step = (by) => () => {
    at = Math.min(top.length - 1, Math.max(0, at + by));
    if (top[at]) onpoint(top[at]);
  };
  keys(svg, { ArrowRight: step(1), ArrowLeft: step(-1), Home: step(-1e9), End: step(1e9) });

  const paint = (pieces, look) => {
    const bytes = pieces.reduce((sum, nodes) => sum + (nodes.at(-1)?.end ?? 0), 0);
    const kept = upTo(pieces, MOST_BYTES);
    const drawn = kept.reduce((sum, nodes) => sum + nodes.at(-1).end, 0);
    const cell = Math.max(24, Math.min(46, Math.floor((1150 - GAP * kept.length) / Math.max(1, drawn))));
    const height = Math.max(0, ...kept.flatMap((nodes) => nodes.map((node) => node.height)));
    const placed = placeAll(kept, cell, height);
    const width = kept.length * GAP + drawn * cell;
    attribute(svg, {
      width,
      height: drawn ? 26 + (height + 1) * LEVEL : 0,
      viewBox: `0 0 ${width} ${26 + (height + 1) * LEVEL}`,
    });
    lines.paint(
      placed.filter(({ parent }) => parent),
      (line, { x, y, parent }) => attribute(line, { x1: x, y1: y, x2: parent.x, y2: parent.y + BOX }),
    );
    boxes.paint(placed, (group, { node, x, y, parent }) => {
      const { text, colour } = look(node.id);
      const wide = Math.max(cell - 4, Math.min((node.end - node.start) * cell - 4, 12 + 10.5 * text.length));
      const fill = colour ? `color-mix(in srgb, ${colour} ${parent ? 22 : 45}%, transparent)` : "transparent";
      attribute(group.back, {
        x: x - wide / 2,
        y,
        width: wide,
        stroke: colour ?? "var(--lm-line)",
        "stroke-width": parent ? 1 : 2.5,
      });
      group.back.style.fill = fill;
      group.back.style.stroke = parent ? "var(--lm-line)" : (colour ?? "currentColor");
      attribute(group.text, {
        x,
        y: y + BOX / 2 + 1,
        "font-size": cell < 30 ? 16 : 17,
        "fill-opacity": parent ? 0.75 : 1,
      });
      group.text.textContent = text;
      group.about = node.id;
    });
    const roots = placed.filter(({ parent }) => !parent);
    ids.paint(roots, (text, { node, x, y }) => {
      attribute(text, { x, y: y - 6 });
      text.textContent = cell < 32 && node.id < 256 ? "" : node.id;
    });
    top = roots.map(({ node }) => node.id);
    more.textContent = drawn < bytes ? `the first ${drawn} of ${bytes} bytes are drawn` : "";
  };
  return { node: element("div", { class: "lm-scroll" }, svg, more), paint };
}

/** Whole pieces, as many as have no more bytes than `most` together, but at least one. */
function upTo(pieces, most) {
  let sum = 0;
  return pieces.filter((nodes, i) => {
    sum += nodes.at(-1).end;
    return i === 0 || sum <= most;
  });
}

function placeAll(pieces, cell, height) {
  const placed = [];
  let left = GAP / 2;
  const place = (node, parent) => {
    const here = {
      node,
      parent,
      x: left + ((node.start + node.end) / 2) * cell,
      y: 24 + (height - node.height) * LEVEL,
    };
    placed.push(here);
    node.children.forEach((child) => place(child, here));
  };
  for (const nodes of pieces) {
    nodes.forEach((node) => place(node, null));
    left += nodes.at(-1).end * cell + GAP;
  }
  return placed;
}

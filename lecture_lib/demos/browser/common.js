// Shared by every rich demo: elements, numbers, softmax, heat maps that are drawn once and recoloured, keys, tools.

const SVG = "http://www.w3.org/2000/svg";
const MOST_SQUARES = 64; // a larger heat map is a canvas: 512 tokens are 262,144 cells

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

function shape(tag, attributes = {}, text = null) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== null) node.textContent = text;
  return node;
}

/** A float32 trait as an array: a DataView from the kernel, or nothing yet. */
function floats(view) {
  return view ? new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength)) : new Float32Array();
}

/** Softmax of finite scores and -Infinity; all zeros where every score is -Infinity. */
function softmax(scores) {
  const top = Math.max(...scores);
  if (top === -Infinity) return scores.map(() => 0);
  const exponentials = Array.from(scores, (score) => Math.exp(score - top));
  const total = exponentials.reduce((sum, value) => sum + value, 0);
  return exponentials.map((value) => value / total);
}

/** A number as the prose writes it: a true minus, and the sign of infinity. */
function number(value, digits = 2) {
  if (value === Infinity || value === -Infinity) return value > 0 ? "∞" : "−∞";
  const text = value.toFixed(digits);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
}

function shorten(token, length) {
  return token.length > length ? token.slice(0, length - 1) + "…" : token;
}

/**
 * A T by T heat map with row and column names: squares that are made once and recoloured, or a canvas when T is large.
 * paint((i, j) => ({ fill, opacity, text, outline })) recolours; mark(i) frames a row.
 * onpoint(i, j, pressed): hover, drag or arrow keys; onact(i, j): click, Enter or Space.
 */
function heatMap(tokens, { title, label, largest = 60, onpoint, onact }) {
  const T = tokens.length;
  const cell = Math.max(T > MOST_SQUARES ? 1 : 7, Math.min(largest, Math.floor(440 / T)));
  const named = cell >= 11;
  const margin = named ? 12 + 7.5 * Math.max(...tokens.map((token) => Math.min(token.length, 12))) : 12;
  const svg = shape("svg", {
    width: margin + T * cell + 4, height: margin + T * cell + 4, tabindex: 0, role: "application",
    "aria-label": label, "data-lm-suppress-shortcuts": "true",
  });
  if (named) nameSides(svg, tokens, margin, cell);
  const cells = T > MOST_SQUARES ? canvasCells(svg, T, margin, cell) : squareCells(svg, T, margin, cell);
  const frame = (width) => shape("rect", { width, height: cell, fill: "none", stroke: "var(--lm-orange)", "stroke-width": 3, "pointer-events": "none", visibility: "hidden" });
  const ring = frame(cell), marked = frame(T * cell);
  svg.append(marked, ring);
  const place = (node, i, j) => {
    node.setAttribute("x", margin + j * cell);
    node.setAttribute("y", margin + i * cell);
    node.setAttribute("visibility", "visible");
  };
  let at = [0, 0], pressed = false;
  const point = (i, j) => {
    at = [i, j];
    place(ring, i, j);
    onpoint?.(i, j, pressed);
  };
  svg.addEventListener("pointermove", (event) => {
    const found = cells.at(event);
    if (found && (found[0] !== at[0] || found[1] !== at[1] || ring.getAttribute("visibility") === "hidden")) point(...found);
  });
  svg.addEventListener("pointerdown", (event) => {
    const found = cells.at(event);
    if (!found) return;
    pressed = true;
    point(...found);
    onact?.(...found);
  });
  window.addEventListener("pointerup", () => { pressed = false; });
  svg.addEventListener("pointerleave", () => ring.setAttribute("visibility", "hidden"));
  svg.addEventListener("keydown", (event) => {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const within = (value) => Math.min(T - 1, Math.max(0, value));
    if (steps[event.key]) point(within(at[0] + steps[event.key][0]), within(at[1] + steps[event.key][1]));
    else if (event.key === "Enter" || event.key === " ") onact?.(...at);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  const node = element("div", {}, element("div", { class: "lm-title" }, title), svg);
  return { node, paint: cells.paint, mark: (i) => place(marked, i, 0) };
}

function nameSides(svg, tokens, margin, cell) {
  const type = Math.min(16, Math.max(9, cell * 0.55));
  tokens.forEach((token, i) => {
    const middle = margin + (i + 0.5) * cell;
    const look = { "dominant-baseline": "central", "font-size": type };
    svg.append(shape("text", { ...look, x: margin - 6, y: middle, "text-anchor": "end" }, shorten(token, 12)));
    svg.append(shape("text", { ...look, transform: `translate(${middle},${margin - 6}) rotate(-90)` }, shorten(token, 12)));
  });
}

function squareCells(svg, T, margin, cell) {
  const rects = [], texts = [];
  const edge = cell > 12 ? 1 : 0.3;
  for (let i = 0; i < T; i++) for (let j = 0; j < T; j++) {
    const at = { x: margin + j * cell, y: margin + i * cell };
    rects.push(shape("rect", { ...at, width: cell, height: cell, "data-i": i, "data-j": j }));
    svg.append(rects.at(-1));
    if (cell < 34) continue;
    texts.push(shape("text", { x: at.x + cell / 2, y: at.y + cell / 2, "text-anchor": "middle", "dominant-baseline": "central", "font-size": Math.max(13, cell * 0.28), "pointer-events": "none" }));
    svg.append(texts.at(-1));
  }
  return {
    at: ({ target }) => (target.dataset?.i === undefined ? null : [Number(target.dataset.i), Number(target.dataset.j)]),
    paint: (look) => rects.forEach((rect, index) => {
      const { fill, opacity, text, outline } = look(Math.floor(index / T), index % T);
      rect.setAttribute("fill", fill);
      rect.setAttribute("fill-opacity", opacity);
      rect.setAttribute("stroke", outline ?? "var(--lm-line)");
      rect.setAttribute("stroke-width", outline ? 3 : edge);
      if (!texts.length) return;
      texts[index].textContent = text ?? "";
      texts[index].style.fill = opacity > 0.55 ? "#fff" : "currentColor";
    }),
  };
}

function canvasCells(svg, T, margin, cell) {
  const canvas = element("canvas", { width: T * cell, height: T * cell });
  const holder = shape("foreignObject", { x: margin, y: margin, width: T * cell, height: T * cell });
  holder.append(canvas);
  svg.append(holder);
  return {
    at: (event) => {
      const box = canvas.getBoundingClientRect();
      const [i, j] = [Math.floor((event.clientY - box.top) / cell), Math.floor((event.clientX - box.left) / cell)];
      return i >= 0 && j >= 0 && i < T && j < T ? [i, j] : null;
    },
    paint: (look) => {
      const pen = canvas.getContext("2d");
      pen.clearRect(0, 0, canvas.width, canvas.height);
      for (let i = 0; i < T; i++) for (let j = 0; j < T; j++) {
        const { fill, opacity } = look(i, j);
        pen.globalAlpha = opacity;
        pen.fillStyle = fill.replace("rgb(var(--lm-blue))", "rgb(0, 114, 178)");
        pen.fillRect(j * cell, i * cell, cell, cell);
      }
    },
  };
}

/** One of several, by button or arrow keys: an ARIA radio group. choose(index) is called for every change. */
function choice(labels, label, chosen, choose) {
  const buttons = labels.map((text, index) => element("button", {
    type: "button", role: "radio", "data-lm-suppress-shortcuts": "true", onclick: () => set(index, true),
  }, text));
  const set = (index, tell) => {
    buttons.forEach((button, i) => {
      button.setAttribute("aria-checked", String(i === index));
      button.setAttribute("aria-pressed", String(i === index));
      button.tabIndex = i === index ? 0 : -1;
    });
    chosen = index;
    if (tell) choose(index);
  };
  const group = element("div", { class: "lm-tools", role: "radiogroup", "aria-label": label }, ...buttons);
  group.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    set((chosen + step + labels.length) % labels.length, true);
    buttons[chosen].focus();
    event.preventDefault();
    event.stopPropagation();
  });
  set(chosen, false);
  return { node: group, set };
}

/** A bar inside a cell: set(share) moves it; negative shares go left, in orange. */
function bar(signed) {
  const fill = element("span", { class: "lm-fill" });
  const node = element("span", { class: "lm-track" }, fill);
  const set = (share) => {
    const width = 100 * Math.min(1, Math.abs(share)) * (signed ? 0.5 : 1);
    fill.style.cssText = `width:${width}%;${signed ? (share < 0 ? "right:50%" : "left:50%") : "left:0"};background:${share < 0 ? "var(--lm-orange)" : "rgb(var(--lm-blue))"}`;
  };
  return { node, set };
}

/** Buttons in a row: [label, what it does] pairs. */
function tools(...pairs) {
  const buttons = pairs.map(([label, act]) => element("button", { type: "button", onclick: act }, label));
  return element("div", { class: "lm-tools" }, ...buttons);
}

/** Puts a line of Python that makes this state again into the clipboard, and into the readout for where there is none. */
function copyLine(line, readout) {
  navigator.clipboard?.writeText(line).catch(() => {});
  readout.textContent = line;
}

/** Hides `node` behind a question until the class has voted. */
function covered(node, question) {
  const cover = element("div", { class: "lm-cover" }, element("p", {}, question));
  const reveal = element("button", { type: "button", onclick: () => { cover.replaceWith(node); } }, "reveal");
  cover.append(reveal);
  return cover;
}

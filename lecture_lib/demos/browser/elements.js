// Elements, shapes and numbers: what everything drawn is made of.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element. Attributes that begin with "on" are listeners. */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** An SVG element. */
export function shape(tag, attributes = {}, text = null) {
  const node = document.createElementNS(SVG, tag);
  attribute(node, attributes);
  if (text !== null) node.textContent = text;
  return node;
}

/** Sets several attributes at once. */
export function attribute(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
}

/** Shapes of one kind, as many as were ever needed: paint(items, set) calls set(shape, item, i) for each and hides the rest. */
export function pool(parent, make) {
  const group = shape("g"),
    shapes = [];
  parent.append(group);
  const paint = (items, set) => {
    while (shapes.length < items.length) group.append((shapes[shapes.length] = make()));
    shapes.forEach((each, i) => {
      each.style.display = i < items.length ? "" : "none";
      if (i < items.length) set(each, items[i], i);
    });
  };
  return { paint };
}

/** Where the pointer is in a picture that has a width of its own, in the picture's pixels: the page may be enlarged. */
export function placeIn(picture, event) {
  const box = picture.getBoundingClientRect(),
    scale = Number(picture.getAttribute("width")) / box.width;
  return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
}

/** A float32 array out of the bytes that Python sent, or an empty one if there are none yet. */
export function floats(view) {
  return view
    ? new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength))
    : new Float32Array();
}

/** A number as the prose writes it: a true minus, and the sign of infinity. */
export function number(value, digits = 2) {
  if (value === Infinity || value === -Infinity) return value > 0 ? "∞" : "−∞";
  const text = value.toFixed(digits);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
}

export function shorten(text, length) {
  return text.length > length ? text.slice(0, length - 1) + "…" : text;
}

/** A value as Python writes it, of what JSON can hold. */
export function python(value) {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (typeof value === "object")
    return `{${Object.entries(value)
      .map(([key, item]) => `${JSON.stringify(key)}: ${python(item)}`)
      .join(", ")}}`;
  return String(value);
}

/**
 * Keys of an element that has the focus: handlers by key name ("ArrowLeft", "Enter", " ").
 * JupyterLab leaves keys to an element only if it carries the attribute set here.
 */
export function keys(node, handlers) {
  node.setAttribute("data-lm-suppress-shortcuts", "true");
  node.addEventListener("keydown", (event) => {
    const act = event.ctrlKey || event.metaKey || event.altKey ? null : handlers[event.key];
    if (!act) return;
    act(event);
    event.preventDefault();
    event.stopPropagation();
  });
}

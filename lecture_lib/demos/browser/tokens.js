// Tokens as coloured chips, and bytes as one sees them.

import { element, keys } from "./elements.js";

// Neighbours differ most: tokens that are made one after the other often stand side by side.
const COLOURS = [
  "rgb(var(--lm-blue))",
  "var(--lm-orange)",
  "var(--lm-sky)",
  "var(--lm-pink)",
  "var(--lm-green)",
  "var(--lm-yellow)",
];

/** One of six colours, the same for the same number. */
export function colourOf(index) {
  return COLOURS[((index % COLOURS.length) + COLOURS.length) % COLOURS.length];
}

/** Bytes, or a text, as one sees them: a space as ␣, a line end as ⏎, half a character in hexadecimal. */
export function visible(token) {
  const text = typeof token === "string" ? token : decoded(token);
  return text.replaceAll(" ", "␣").replaceAll("\n", "⏎").replaceAll("\t", "⇥");
}

/** UTF-8, each byte that belongs to no whole character as \xNN. */
function decoded(bytes) {
  const reader = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let text = "";
  for (let i = 0; i < bytes.length;) {
    const length = bytes[i] < 0x80 ? 1 : bytes[i] < 0xe0 ? 2 : bytes[i] < 0xf0 ? 3 : 4;
    try {
      text += reader.decode(Uint8Array.from(bytes.slice(i, i + length)));
      i += length;
    } catch {
      text += `\\x${bytes[i].toString(16).padStart(2, "0")}`;
      i += 1;
    }
  }
  return text;
}

/** Bytes in hexadecimal, apart by spaces. */
export function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

/** A token in a frame. set({ text, colour, ring, faded, under, about }): `about` is what `pointed` hands on. */
export function chip() {
  const node = element("span", { class: "lm-chip" });
  const set = ({ text, colour = null, ring = false, faded = false, under = false, about = null }) => {
    if (node.textContent !== text) node.textContent = text;
    node.style.background = colour ? `color-mix(in srgb, ${colour} 32%, transparent)` : "";
    node.style.borderColor = colour ?? "";
    node.classList.toggle("lm-ring", ring);
    node.classList.toggle("lm-faded", faded);
    node.classList.toggle("lm-under", under);
    node.about = about;
  };
  return { node, set };
}

/** A row of chips that grows as needed: paint([what `set` of a chip takes]). */
export function chipRow(attributes = {}) {
  const node = element("span", { class: "lm-chips", ...attributes });
  const chips = [];
  const paint = (items) => {
    while (chips.length < items.length) {
      chips.push(chip());
      node.append(chips.at(-1).node);
    }
    chips.forEach((each, i) => {
      each.node.style.display = i < items.length ? "" : "none";
      if (i < items.length) each.set(items[i]);
    });
  };
  return { node, paint };
}

/**
 * Lets the chips inside a node be pointed at, by mouse and by arrow keys (one stop of the Tab key for all of them).
 * onpoint(about): hover or focus, null when the mouse leaves; onact(about): click, Enter or Space.
 */
export function pointed(node, label, { onpoint = null, onact = null }) {
  node.setAttribute("role", "group");
  node.setAttribute("aria-label", label);
  node.tabIndex = 0;
  const chipAt = (target) => target.closest?.(".lm-chip");
  const shown = () =>
    [...node.querySelectorAll(".lm-chip")].filter((each) => each.offsetParent !== null && each.about !== null);
  let at = null;
  const point = (each) => {
    at?.classList.remove("lm-at");
    at = each ?? null;
    if (at && node.matches(":focus-visible")) at.classList.add("lm-at");
    onpoint?.(at?.about ?? null);
  };
  const step = (by) => () => {
    const all = shown();
    point(all[Math.min(all.length - 1, Math.max(0, all.indexOf(at) + by))]);
  };
  const act = (each) => {
    if (each && each.about !== null) onact?.(each.about);
  };
  node.addEventListener("pointerover", (event) => {
    const each = chipAt(event.target);
    if (each && each.about !== null) point(each);
  });
  node.addEventListener("pointerleave", () => point(null));
  node.addEventListener("blur", () => point(null));
  node.addEventListener("click", (event) => act(chipAt(event.target)));
  const moves = {
    ArrowRight: step(1),
    ArrowDown: step(1),
    ArrowLeft: step(-1),
    ArrowUp: step(-1),
    Home: step(-1e9),
    End: step(1e9),
  };
  keys(node, { ...moves, Enter: () => act(at), " ": () => act(at) });
}

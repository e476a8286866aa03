/* The frame around the demos' pages. The address's hash names the demo; each page is an iframe of its own, with a kernel
 * of its own, so that the full screen stays when the page changes. The next one opens in the background; a page that is
 * left stays as it was, until KEPT others are open. */

const KEPT = 3;
const SETTLED = 1200; // milliseconds on one demo before the next is opened: who leafs through starts no kernels
const LARGEST = 2; // without being asked
const WIDEST = 1120; // pixels of a demo's layout, before it is enlarged: type is read from the last row; what is long scrolls
const ROOMY = 1280; // the same, for a demo whose parts would no longer stand side by side
const SIZES = [0.8, 0.9, 1, 1.15, 1.3, 1.5, 1.75, 2, 2.5];

/** @type {NodeListOf<HTMLElement>} */
const links = document.querySelectorAll(".card");
const cards = [...links];
const names = cards.map((card) => card.dataset.name);
const titles = cards.map((card) => card.querySelector("strong").textContent);
const units = cards.map((card) => card.closest("section").querySelector("h2").textContent);
const [header, main, stage] = ["header", "main", "#stage"].map(
  (found) => /** @type {HTMLElement} */ (document.querySelector(found)),
);
/** @type {HTMLButtonElement[]} */
const buttons = [...header.querySelectorAll("button")];
const pages = new Map(); // name -> iframe, the one shown last at the end
let waiting = 0;

const remembered = (key, otherwise) => localStorage.getItem(`demos-${key}`) ?? otherwise;
const remember = (key, value) => localStorage.setItem(`demos-${key}`, value);
const theme = () => document.documentElement.dataset.theme;
const size = () => Number(remembered("size", "0")); // 0: as large as fits
const current = () => names.indexOf(decodeURIComponent(location.hash.slice(1)));

function open(name) {
  if (!pages.has(name)) {
    const page = document.createElement("iframe");
    page.title = name;
    page.src = `/voila/render/${name}.ipynb?theme=${theme()}`;
    page.addEventListener("load", () => {
      page.contentWindow.addEventListener("keydown", keys, true);
      page.contentWindow.addEventListener("resize", () => !size() && resize(page)); // not the frame's: it comes too early
      whenDrawn(page, () => {
        resize(page);
        setTimeout(() => size() || resize(page), SETTLED); // when its fonts and styles are there
      });
    });
    stage.append(page);
    pages.set(name, page);
  }
  return pages.get(name);
}

/** Leaves a page in a way that Voilà hears of, so that its kernel ends. */
function close(name) {
  const page = pages.get(name);
  pages.delete(name);
  page.classList.remove("shown");
  page.addEventListener("load", () => page.remove(), { once: true });
  page.contentWindow.location.replace("about:blank");
}

function show() {
  const at = current();
  for (const page of pages.values()) page.classList.remove("shown");
  header.hidden = stage.hidden = at < 0;
  main.hidden = at >= 0;
  clearTimeout(waiting);
  document.title = at < 0 ? "Demos" : titles[at];
  if (at < 0) {
    cards.find((card) => card.dataset.name === [...pages.keys()].at(-1))?.focus();
    return;
  }
  header.querySelector("h1").textContent = titles[at];
  header.querySelector(".where").textContent = `${units[at]}, ${at + 1} of ${names.length}`;
  for (const [button, there] of [
    ["previous", at - 1],
    ["next", at + 1],
  ]) {
    buttons.find((each) => each.dataset.do === button).disabled = !(there in names);
  }
  const page = open(names[at]);
  pages.delete(names[at]);
  pages.set(names[at], page);
  page.classList.add("shown");
  page.focus();
  waiting = setTimeout(() => afterwards(at), SETTLED);
}

/** Opens the next demo, and closes those that were left longest ago. */
function afterwards(at) {
  const spared = new Set([names[at], names[at + 1]]);
  if (names[at + 1]) open(names[at + 1]);
  for (const name of [...pages.keys()]) {
    if (pages.size > KEPT && !spared.has(name)) close(name);
  }
}

/** Sets the size of a page's type: the one chosen, or the largest at which the demo needs no scrolling, else one to be read. */
function resize(page) {
  const root = page.contentDocument?.querySelector("#rendered_cells > div");
  if (!root) return;
  const fits = () => {
    const foot = root.querySelector(".lm-foot")?.getBoundingClientRect().height ?? 0; // it lies over what is long
    return [...root.querySelectorAll(".lm-rich :is(svg, table, .lm-row)")].every((part) => {
      const { right, bottom } = part.getBoundingClientRect();
      return right <= page.contentWindow.innerWidth && bottom + foot <= page.contentWindow.innerHeight;
    });
  };
  const lines = () =>
    [...root.querySelectorAll(".lm-rich > .lm-row:has(svg, table)")].reduce((sum, row) => sum + linesOf(row), 0);
  const show = (wanted) => {
    page.size = root.style.zoom = wanted;
  };
  if (size()) {
    show(size());
    return;
  }
  const least = SIZES.find((known) => known >= Math.max(1, innerWidth / WIDEST)) ?? LARGEST;
  const roomy = SIZES.findLast((known) => known <= Math.max(1, innerWidth / ROOMY));
  show(roomy);
  const together = lines();
  for (const tried of SIZES.filter((known) => known <= Math.max(least, LARGEST)).reverse()) {
    show(tried);
    if (fits()) return;
  }
  show(least);
  if (lines() > together) show(roomy);
}

/** In how many lines the parts of a row stand. */
function linesOf(row) {
  const boxes = [...row.children].map((part) => part.getBoundingClientRect()).filter(({ width }) => width);
  return boxes.filter(({ top }, i) => i === 0 || top >= boxes[i - 1].bottom - 1).length;
}

function resizeBy(steps) {
  const now = pages.get(names[current()])?.size ?? 1;
  const at = SIZES.indexOf(now) + steps;
  if (!(at in SIZES)) return;
  remember("size", String(SIZES[at]));
  for (const page of pages.values()) resize(page);
}

/** Calls back when the demo is drawn on its page, or after two minutes without it. */
function whenDrawn(page, then, tries = 2400) {
  const drawn = page.contentDocument?.querySelector(".lm-rich");
  if (drawn?.getBoundingClientRect().height || tries === 0) then();
  else setTimeout(() => whenDrawn(page, then, tries - 1), 50);
}

function turn(wanted) {
  document.documentElement.dataset.theme = wanted;
  remember("theme", wanted);
  for (const name of [...pages.keys()]) close(name);
  show();
}

const actions = {
  overview: () => {
    location.hash = "";
  },
  previous: () => {
    if (current() > 0) location.hash = names[current() - 1];
  },
  next: () => {
    if (current() + 1 in names) location.hash = names[current() + 1];
  },
  smaller: () => resizeBy(-1),
  larger: () => resizeBy(1),
  fit: () => {
    remember("size", "0");
    for (const page of pages.values()) resize(page);
  },
  theme: () => turn(theme() === "dark" ? "light" : "dark"),
  fullscreen: () =>
    document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen(),
};
const byKey = {
  PageDown: "next",
  PageUp: "previous",
  Escape: "overview",
  f: "fullscreen",
  d: "theme",
  "+": "larger",
  "-": "smaller",
  0: "fit",
};

/** Keys of the frame. Whoever types in a field, or holds a modifier, means something else; a presenter's keys are ours. */
function keys(event) {
  const action = byKey[event.key];
  const typing = event.target.closest?.(
    "input:not([type=range]):not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable=true]",
  );
  if (!action || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (action === "overview" && document.fullscreenElement) return; // the browser's own Escape
  event.preventDefault();
  event.stopPropagation();
  actions[action]();
}

document.documentElement.dataset.theme = remembered("theme", "light");
for (const button of buttons) {
  button.addEventListener("click", () => actions[button.dataset.do]());
}
addEventListener("keydown", keys);
addEventListener("hashchange", show);
show();

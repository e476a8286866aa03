// A demo's page without Python: unpacks its numbers, draws it, and answers a presenter's keys. `lmDemo` is its bundle.
// In a frame of another page (`?framed`) there is the demo alone, which tells the page around it how high it is.

const root = document.documentElement;
const asked = new URLSearchParams(location.search);
const place = document.querySelector("main > div");

/** Storage is refused to pages from files in some browsers, and to frames. */
const remembered = (value) => {
  try {
    if (value) localStorage.setItem("demos-theme", value);
    return localStorage.getItem("demos-theme");
  } catch {
    return null;
  }
};
const turn = (theme) => {
  root.dataset.theme = theme;
  document.body.dataset.jpThemeLight = String(theme === "light");
};
const other = () => turn(remembered(root.dataset.theme === "dark" ? "light" : "dark") ?? "light");
const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";

turn(asked.get("theme") ?? remembered() ?? system);
root.toggleAttribute("data-framed", asked.has("framed"));
document.querySelector("#theme").addEventListener("click", other);

const bytes = Uint8Array.from(atob(document.querySelector("#data").textContent), (letter) => letter.charCodeAt(0));
const text = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
await lmDemo.draw(lmDemo.demo, place.id.replace("lm-still-", ""), JSON.parse(text));

const follow = (relation) => document.querySelector(`a[rel=${relation}]`)?.click();
const actions = {
  PageDown: () => follow("next"),
  PageUp: () => follow("prev"),
  d: other,
  f: () =>
    document.fullscreenElement ? document.exitFullscreen() : place.querySelector(".lm-rich").requestFullscreen(),
};
addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input:not([type=range]):not([type=checkbox]), textarea, select");
  const act =
    typing || event.ctrlKey || event.metaKey || event.altKey || asked.has("framed") ? null : actions[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

if (asked.has("framed")) {
  const tell = () =>
    parent.postMessage({ demo: place.id, height: Math.ceil(place.getBoundingClientRect().height) }, "*");
  new ResizeObserver(tell).observe(place);
  addEventListener("message", ({ source, data }) => source === parent && data.theme && turn(data.theme));
}

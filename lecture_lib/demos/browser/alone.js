// A demo without a kernel: in an exported page, or in a saved notebook that is opened again. Everything that the browser
// computes by itself works, and what Python answered beforehand; anything else is refused in one line.

import { element } from "./elements.js";

const LOOKED = 400; // milliseconds between two looks at what became of the widget
const LOOKS = 15; // at a widget that is neither drawn nor given up

/**
 * Draws the demo in the element `lm-still-<key>`, unless a front end draws the widget itself.
 *
 * demo: the bundle's default export. page: { css, values, answers }, values as the widget's traits, bytes as
 * { bytes: base64 }. answers: pairs of what is asked (the values of `given.asks` in a state) and what it changes in given.
 */
export async function alone(demo, key, { css, values, answers = [] }) {
  const place = document.getElementById(stillOf(key));
  if (!place || (await widgetComes(place))) return;
  const el = element("div");
  const style = element("style");
  style.textContent = css;
  demo.render({ model: modelOf(values, answers), el });
  place.replaceChildren(style, el);
}

/** Where the demo `key` stands without a kernel. */
export const stillOf = (key) => `lm-still-${key}`;

/** Whether the widget of this place is drawn, or will be. An exported page has none. */
async function widgetComes(place) {
  if (document.documentElement.dataset.lmKernel !== undefined) return true; // the gallery: each of its pages has a kernel
  if (!document.querySelector("#jupyter-config-data")) return false;
  const area = place.closest(".jp-OutputArea");
  for (let look = 0; look < LOOKS; look++) {
    if (!place.isConnected || area?.querySelector(".lm-rich[data-live]")) return true;
    const failed = [...(area?.querySelectorAll(".jupyter-widgets") ?? [])].some((node) =>
      node.textContent.startsWith("Error displaying widget"),
    );
    if (failed) return false;
    await new Promise((next) => {
      setTimeout(next, LOOKED);
    });
  }
  return place.hidden;
}

/** What a demo asks of a widget's model, for values that only this page knows. */
function modelOf({ given, ...values }, answers) {
  const asked = (state) => JSON.stringify((given.asks ?? []).map((key) => state[key]));
  const known = new Map(answers.map(([question, answer]) => [JSON.stringify(question), answer]));
  known.set(asked(values.state), given);
  const heard = {};
  const traits = { ...values, given: decoded(given) };
  const tell = (event) => (heard[event] ?? []).forEach((listener) => listener());
  return {
    alone: {
      answer: (state) => {
        const answer = known.get(asked(state));
        return answer && decoded(answer);
      },
    },
    get: (name) => traits[name],
    set: (name, value) => {
      traits[name] = value;
      tell(`change:${name}`);
    },
    on: (event, listener) => {
      (heard[event] ??= []).push(listener);
    },
    off: (event, listener) => {
      heard[event] = (heard[event] ?? []).filter((other) => other !== listener);
    },
    save_changes: () => {},
  };
}

function decoded(given) {
  const view = (text) => new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, value?.bytes === undefined ? value : view(value.bytes)]),
  );
}

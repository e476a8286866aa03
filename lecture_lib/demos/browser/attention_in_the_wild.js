// Attention in the wild: all heads of a real model, on a sentence that can be changed.

import { python } from "./elements.js";
import { textField, tools } from "./controls.js";
import { headsDemo } from "./heads.js";

function render({ model, el }) {
  const above = (share) => {
    const write = (text) => share({ text, query: null });
    const field = textField({ label: "sentence", value: model.get("state").text, write });
    const examples = model.get("given").sentences.map((text) => [`${text.split(" ").slice(0, 4).join(" ")} …`, () => write(text)]);
    return { nodes: [field.node, tools(...examples)], draw: ({ text }) => field.set(text) };
  };
  return headsDemo({ model, el, name: "attention_in_the_wild", above, line: ({ text, ...state }) => [python(text), state] });
}

export default { render };

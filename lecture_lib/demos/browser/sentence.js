// A sentence to type, and recorded ones to choose.

import { textField, tools } from "./controls.js";

/** nodes: the controls; draw(state) shows the sentence of the state. write(text): another one. */
export function sentenceField({ text, sentences, write }) {
  const field = textField({ label: "sentence", value: text, write });
  const examples = sentences.map((example) => [`${example.split(" ").slice(0, 4).join(" ")} …`, () => write(example)]);
  return { nodes: [field.node, tools(...examples)], draw: (state) => field.set(state.text) };
}

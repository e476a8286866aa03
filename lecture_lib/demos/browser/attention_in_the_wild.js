// Attention in the wild: all heads of a real model, on a sentence that can be changed.

import { python } from "./elements.js";
import { sentenceField } from "./sentence.js";
import { headsDemo } from "./heads.js";

function render({ model, el }) {
  const { text } = model.get("state"),
    { sentences } = model.get("given");
  const above = (share) => sentenceField({ text, sentences, write: (typed) => share({ text: typed, query: null }) });
  return headsDemo({
    model,
    el,
    name: "attention_in_the_wild",
    above,
    line: ({ text: typed, ...state }) => [python(typed), state],
  });
}

export default { render };

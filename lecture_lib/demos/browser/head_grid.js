// Head grid: all heads of a model on one text.

import { headsDemo } from "./heads.js";

function render({ model, el }) {
  return headsDemo({ model, el, name: "head_grid", line: (state) => [model.get("given").call, state] });
}

export default { render };

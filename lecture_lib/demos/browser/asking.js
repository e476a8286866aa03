// What the browser asks of Python: the demo is dimmed until the answer comes, and set back where none does.

const PATIENCE = 8_000; // milliseconds; an answer that comes later still counts
export const SILENCE = "no answer from Python: run the cell again";
export const ALONE = "only Python can compute this: open the demo in a notebook and run its cell";

/**
 * share(changes) changes the state, for every view and for Python. answered(): Python has spoken. silence(): what is
 * said where it does not, or "". busy(whether): dims the demo.
 *
 * The keys of the state that Python must answer stand in the model's `given.asks`.
 */
export function asking(model, busy) {
  let before = null; // what was answered last, while a question is open
  let late = null; // what was asked, and set back
  let said = "";
  let timer = 0;

  const change = (changes) => model.set("state", { ...model.get("state"), ...changes });
  const share = (changes) => {
    const state = model.get("state");
    const differs = (key) => key in changes && JSON.stringify(changes[key]) !== JSON.stringify(state[key]);
    const asks = model.get("given").asks ?? [];
    said = "";
    late = null;
    if (!asks.some(differs)) {
      change(changes);
    } else if (model.alone) {
      const answer = model.alone.answer({ ...state, ...changes });
      if (!answer) said = ALONE;
      change(answer ? changes : {}); // so that a control that gets no answer is drawn as it was
      if (answer) model.set("given", { ...model.get("given"), ...answer });
    } else {
      before = { ...Object.fromEntries([...asks, ...Object.keys(changes)].map((key) => [key, state[key]])), ...before };
      busy(true);
      clearTimeout(timer);
      timer = setTimeout(giveUp, PATIENCE, changes);
      change(changes);
    }
    model.save_changes();
  };
  const giveUp = (changes) => {
    const known = before;
    before = null;
    said = SILENCE;
    late = changes;
    busy(false);
    change(known);
  };
  const answered = () => {
    clearTimeout(timer);
    before = null;
    said = "";
    busy(false);
    if (late) change(late);
    late = null;
  };
  return { share, answered, silence: () => said };
}

// A text whose words are shaded: each a button, made once and recoloured.

import { element, keys, number } from "./elements.js";

const WRITTEN = 0.05; // a share from which it stands under its word
const FEW = 40; // words up to which room for the share is kept under each, so that lines don't move

/**
 * paint(words, shares, chosen, shade): shares as numbers under the words, shade(share) from 0 to 1 as colour; the chosen
 * word is framed. onpoint(i): hover or focus; onact(i): click, or arrow keys.
 */
export function shadedWords({ label, onpoint, onact }) {
  const chips = [];
  const node = element("div", { class: "lm-words", role: "radiogroup", "aria-label": label });
  let count = 0,
    at = 0;
  const to = (by) => () => {
    const next = Math.min(count - 1, Math.max(0, at + by));
    onact(next);
    chips[next].chip.focus();
  };
  const grow = () => {
    while (chips.length < count) {
      const i = chips.length;
      const word = element("span", { class: "lm-word" }),
        share = element("span", { class: "lm-share" });
      const act = () => onact(i);
      const chip = element(
        "span",
        { role: "radio", onclick: act, onpointerenter: () => onpoint(i), onfocus: () => onpoint(i) },
        word,
        share,
      );
      keys(chip, { ArrowRight: to(1), ArrowDown: to(1), ArrowLeft: to(-1), ArrowUp: to(-1), Enter: act, " ": act });
      chips.push({ chip, word, share });
      node.append(chip);
    }
  };
  const paint = (words, shares, chosen, shade) => {
    const elsewhere = chosen !== at || words.length !== count;
    [count, at] = [words.length, chosen];
    grow();
    node.classList.toggle("lm-many", count > FEW);
    chips.forEach(({ chip, word, share }, i) => {
      chip.style.display = i < count ? "" : "none";
      if (i >= count) return;
      const depth = Math.min(1, shade(shares[i], i));
      word.textContent = words[i];
      word.style.background = `rgba(var(--lm-blue), ${depth.toFixed(3)})`;
      word.style.color = depth > 0.6 ? "#fff" : "";
      share.textContent = shares[i] >= WRITTEN ? number(shares[i]) : "";
      chip.setAttribute("aria-checked", String(i === chosen));
      chip.setAttribute("aria-label", `${words[i]}: ${number(shares[i], 3)}`);
      chip.tabIndex = i === chosen ? 0 : -1;
    });
    if (elsewhere) node.scrollTop = chips[chosen].chip.offsetTop - node.offsetTop - node.clientHeight / 2;
  };
  return { node, paint };
}

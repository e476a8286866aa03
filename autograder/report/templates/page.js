"use strict";
(() => {
  const root = document.documentElement, theme = document.getElementById("theme");
  const themes = ["system", "light", "dark"];
  theme.addEventListener("click", () => {
    const next = themes[(themes.indexOf(root.dataset.theme || "system") + 1) % 3];
    if (next === "system") delete root.dataset.theme; else root.dataset.theme = next;
    theme.textContent = "Theme: " + next;
  });
  addEventListener("beforeprint", () => document.querySelectorAll(".who, .complaints").forEach((d) => { d.open = true; }));

  const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  const reorder = (body, rows) => body.append(...rows); // sort() is stable: equal rows keep the order they had

  // --- the table of grades
  for (const table of document.querySelectorAll(".sortable")) {
    const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
    heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
      const up = column ? head.ariaSort === "descending" : head.ariaSort !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const value = (row) => (column ? Number(row.cells[column].dataset.v) : row.cells[0].textContent.toLowerCase());
      reorder(body, [...body.rows].sort((a, b) => (up ? 1 : -1) * compare(value(a), value(b))));
    }));
  }

  // --- heat maps
  const unfold = (card) => { for (let d = card.closest("details"); d; d = d.parentNode.closest("details")) d.open = true; };
  const tip = document.getElementById("tip");
  const line = (text, name) => {
    const p = document.createElement("p");
    p.textContent = text;
    if (name) p.className = name;
    tip.append(p);
  };
  let shown = null;
  const place = (cell) => { // beside its cell, and with it when the page scrolls
    shown = cell;
    const box = cell.getBoundingClientRect(), own = tip.getBoundingClientRect();
    const below = box.bottom + 8 + own.height < innerHeight;
    tip.style.top = Math.max(4, below ? box.bottom + 8 : box.top - own.height - 8) + "px";
    tip.style.left = Math.max(4, Math.min(box.left, innerWidth - own.width - 12)) + "px";
  };
  addEventListener("scroll", () => {
    if (tip.hidden) return;
    const box = shown.getBoundingClientRect();
    if (box.bottom < 0 || box.top > innerHeight) tip.hidden = true; else place(shown);
  }, { capture: true, passive: true });
  const order = ["mis", "unk", "bad", "run", "wait", "none", "ok"];
  const said = { ok: "right", none: "untouched", run: "did not run: an error in the cell, or the notebook stopped before",
    unk: "wrong; no known misconception explains it" };

  for (const heat of document.querySelectorAll(".heat")) {
    const unit = heat.closest("section"), body = heat.tBodies[0];
    const texts = JSON.parse(unit.querySelector(".texts").textContent);
    const byName = Object.fromEntries(texts.map((t) => [t.name, t]));
    const columnName = (cell) => heat.tHead.rows[0].cells[cell.cellIndex].textContent;
    const noteOf = (cell) => (cell.dataset.n ? byName[columnName(cell)].notes[cell.dataset.n] : null);
    const kind = (cell) => order.find((name) => cell.classList.contains(name)) || "";

    let marked = [];
    const show = (cell) => {
      const exercise = byName[columnName(cell)], note = noteOf(cell), what = kind(cell);
      tip.replaceChildren();
      line(cell.parentNode.cells[0].textContent + " · " + exercise.name, "hint");
      if (!what) line("not in this submission");
      const [seen, other] = (cell.dataset.p || "").split(" ");
      if (what && what !== "none" && what !== "ok") {
        const parts = [];
        if (seen && !seen.endsWith("/0")) parts.push(seen.replace("/", " of ") + " visible cases");
        if (other) parts.push(other.replace("/", " of ") + " on other inputs");
        line(parts.join(", "), "small");
      }
      if (cell.dataset.f) line("first case that fails: " + exercise.cases[cell.dataset.f], "small");
      if (note && note.label) {
        const others = note.count - 1;
        line(cell.textContent + ": " + note.label + (others ? ", as " + others + " other" + (others > 1 ? "s" : "") : ", alone in the class"));
      } else if (said[what]) line(said[what]);
      if (note && note.text) line(note.text, "hint");
      tip.hidden = false;
      place(cell);
      marked.forEach((other) => other.classList.remove("same"));
      marked = what === "mis" ? [...body.rows].map((row) => row.cells[cell.cellIndex])
        .filter((other) => other.dataset.n === cell.dataset.n) : [];
      marked.forEach((other) => other.classList.add("same"));
    };
    const hide = () => {
      tip.hidden = true;
      marked.forEach((cell) => cell.classList.remove("same"));
      marked = [];
    };
    const open = (cell) => {
      const note = noteOf(cell), card = note && note.anchor && document.getElementById(note.anchor);
      if (card) { hide(); unfold(card); location.hash = note.anchor; card.focus(); }
    };
    const cellOf = (event) => (event.target.closest ? event.target.closest("td.c") : null);
    body.addEventListener("mouseover", (event) => { const cell = cellOf(event); if (cell) show(cell); else hide(); });
    body.addEventListener("mouseleave", hide);
    body.addEventListener("click", (event) => { const cell = cellOf(event); if (cell) open(cell); });

    // One cell is in the tab order; arrow keys move it (WAI-ARIA's pattern for a grid).
    let current = null;
    const stop = (cell) => {
      if (current) current.tabIndex = -1;
      current = cell;
      cell.tabIndex = 0;
    };
    const first = () => body.rows[0] && body.rows[0].querySelector("td.c");
    heat.setAttribute("role", "grid");
    if (first()) stop(first());
    body.addEventListener("focusin", (event) => { const cell = cellOf(event); if (cell) { stop(cell); show(cell); } });
    body.addEventListener("focusout", hide);
    body.addEventListener("keydown", (event) => {
      const cell = cellOf(event);
      if (!cell) return;
      const rows = body.rows, row = cell.parentNode.sectionRowIndex, column = cell.cellIndex;
      const last = texts.length;
      const moves = { ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1], ArrowUp: [row - 1, column],
        ArrowDown: [row + 1, column], Home: [event.ctrlKey ? 0 : row, 1], End: [event.ctrlKey ? rows.length - 1 : row, last],
        PageUp: [Math.max(0, row - 10), column], PageDown: [Math.min(rows.length - 1, row + 10), column] };
      if (event.key === "Enter") open(cell);
      else if (event.key === "Escape") hide();
      else if (moves[event.key]) {
        event.preventDefault();
        const [r, c] = moves[event.key];
        const target = r >= 0 && r < rows.length && c >= 1 && c <= last ? rows[r].cells[c] : null;
        if (target) { target.tabIndex = -1; target.focus(); target.scrollIntoView({ block: "nearest", inline: "nearest" }); show(target); }
      }
    });

    // --- sorting
    const press = (button, attribute) => unit.querySelectorAll("button[" + attribute + "]")
      .forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
    const unsorted = () => heat.querySelectorAll(".col").forEach((head) => head.removeAttribute("aria-sort"));
    const byRow = (row) => row.cells[0].textContent.toLowerCase();
    const students = {
      name: (a, b) => compare(byRow(a), byRow(b)),
      points: (a, b) => b.dataset.points - a.dataset.points || compare(byRow(a), byRow(b)),
      held: (a, b) => b.dataset.held - a.dataset.held || compare(byRow(a), byRow(b)),
    };
    for (const button of unit.querySelectorAll("[data-sort]")) {
      button.addEventListener("click", () => {
        press(button, "data-sort");
        unsorted();
        reorder(body, [...body.rows].sort(students[button.dataset.sort]));
      });
    }
    for (const head of heat.querySelectorAll(".col")) {
      head.querySelector("button").addEventListener("click", () => {
        press(null, "data-sort");
        unsorted();
        head.setAttribute("aria-sort", "descending");
        const value = (row) => {
          const cell = row.cells[head.cellIndex], what = kind(cell);
          return [what ? order.indexOf(what) : order.length, what === "mis" ? cell.textContent.length : 0, cell.textContent];
        };
        const lexical = (a, b) => compare(a[0], b[0]) || compare(a[1], b[1]) || compare(a[2], b[2]);
        reorder(body, [...body.rows].sort((a, b) => lexical(value(a), value(b)) || compare(byRow(a), byRow(b))));
      });
    }
    const lesson = texts.map((t) => t.name);
    for (const button of unit.querySelectorAll("[data-columns]")) {
      button.addEventListener("click", () => {
        press(button, "data-columns");
        const names = [...heat.tHead.rows[0].cells].slice(1, lesson.length + 1).map((head) => head.textContent);
        const held = [...heat.tHead.rows[1].cells].slice(1, lesson.length + 1).map((cell) => Number(cell.textContent));
        const places = names.map((_, i) => i);
        places.sort(button.dataset.columns === "held"
          ? (a, b) => held[b] - held[a] || lesson.indexOf(names[a]) - lesson.indexOf(names[b])
          : (a, b) => lesson.indexOf(names[a]) - lesson.indexOf(names[b]));
        for (const row of [...heat.tHead.rows, ...body.rows]) {
          const cells = [...row.cells], after = cells[lesson.length + 1];
          places.forEach((place) => row.insertBefore(cells[place + 1], after));
        }
      });
    }
  }
})();

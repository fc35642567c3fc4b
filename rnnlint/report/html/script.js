"use strict";
(() => {
  const root = document.documentElement;

  const themes = ["automatic", "light", "dark"];
  const button = document.getElementById("theme");
  let theme = "automatic";
  try {
    theme = localStorage.getItem("rnnlint-theme") || theme;
  } catch {
    // A page from a file may have no memory: then every visit begins as the system says.
  }
  const show = () => {
    if (theme === "automatic") delete root.dataset.theme;
    else root.dataset.theme = theme;
    button.textContent = `Theme: ${theme}`;
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    show();
    try {
      localStorage.setItem("rnnlint-theme", theme);
    } catch {
      // As above.
    }
  });
  show();

  const key = (cell) => {
    const number = Number(cell.dataset.value ?? cell.textContent);
    return Number.isNaN(number) || cell.textContent.trim() === "" ? cell.textContent.trim() : number;
  };
  const compare = (a, b) =>
    typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  for (const table of document.querySelectorAll("table[data-sortable]")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const sorter = document.createElement("button");
      sorter.type = "button";
      sorter.append(...head.childNodes);
      head.append(sorter);
      sorter.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((each) => each.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const body = table.tBodies[0];
        const rows = [...body.rows].sort((a, b) => compare(key(a.cells[column]), key(b.cells[column])));
        body.append(...(down ? rows.reverse() : rows));
      });
    });
  }

  for (const field of document.querySelectorAll("input[data-search]")) {
    const rows = [...document.getElementById(field.dataset.search).tBodies[0].rows];
    const line = field.closest(".search");
    const only = line.querySelector("input[data-only]");
    const count = line.querySelector("output");
    const texts = rows.map((row) => row.textContent.toLowerCase());
    line.hidden = false;
    const filter = () => {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      rows.forEach((row, number) => {
        const wanted = !only?.checked || only.dataset.only in row.dataset;
        row.hidden = !wanted || !words.every((word) => texts[number].includes(word));
      });
      const shown = rows.filter((row) => !row.hidden).length;
      count.textContent = shown === rows.length ? "" : `${shown} of ${rows.length}`;
    };
    field.addEventListener("input", filter);
    only?.addEventListener("change", filter);
  }

  // A link to a line must not lead into a folded stretch.
  const unfold = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const fold = target && target.closest("details");
    if (fold) fold.open = true;
  };
  addEventListener("hashchange", unfold);
  unfold();
})();

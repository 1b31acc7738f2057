// SPDX-FileCopyrightText: The stash_mail developers
// SPDX-License-Identifier: GPL-3.0-or-later
"use strict";
// The page reads without this: it adds the search and the filter only.
(() => {
  const tools = document.getElementById("tools");
  const search = document.getElementById("search");
  const shown = document.getElementById("shown");
  const none = document.getElementById("none");
  const rows = [...document.querySelectorAll("tr[data-status]")];
  const answers = rows.map((row) => [...document.querySelectorAll(`[data-of="${row.id}"]`)]);
  // The instance, and what was answered; not the words that stand on every page.
  const texts = rows.map((row, index) =>
    [row.querySelector("th"), ...answers[index].flatMap((answer) => [...answer.querySelectorAll("dd")])]
      .map((element) => element.textContent.toLowerCase())
      .join("\n"),
  );

  const apply = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = tools.elements.status.value;
    let count = 0;
    rows.forEach((row, index) => {
      const fits =
        (wanted === "all" || row.dataset.status === wanted) && words.every((word) => texts[index].includes(word));
      row.hidden = !fits;
      for (const answer of answers[index]) answer.hidden = !fits;
      count += fits ? 1 : 0;
    });
    shown.textContent = `${count} of ${rows.length} shown`;
    none.hidden = count > 0;
  };

  tools.hidden = false;
  tools.addEventListener("submit", (event) => event.preventDefault());
  tools.addEventListener("input", apply);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target.matches("input")) return;
    event.preventDefault();
    search.focus();
  });
  apply();
})();

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
  const well = document.getElementById("well");
  const isWell = rows.map((row) => well !== null && well.contains(row));
  const answersOf = new Map(rows.map((row) => [row.id, []]));
  for (const answer of document.querySelectorAll("[data-of]")) answersOf.get(answer.dataset.of).push(answer);
  const answers = rows.map((row) => answersOf.get(row.id));
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
    let folded = 0;
    rows.forEach((row, index) => {
      const fits =
        (wanted === "all" || row.dataset.status === wanted) && words.every((word) => texts[index].includes(word));
      row.hidden = !fits;
      for (const answer of answers[index]) answer.hidden = !fits;
      count += fits ? 1 : 0;
      folded += fits && isWell[index] ? 1 : 0;
    });
    none.hidden = count > 0;
    // What is looked for must not stay folded away.
    if (well && (words.length || wanted === "ok")) well.open = true;
    shown.textContent = `${well && !well.open ? count - folded : count} of ${rows.length} shown`;
  };

  tools.hidden = false;
  tools.addEventListener("submit", (event) => event.preventDefault());
  tools.addEventListener("input", apply);
  // So must a row not, to which a link leads.
  const unfold = () => {
    const row = document.getElementById(location.hash.slice(1));
    if (well && row && well.contains(row)) well.open = true;
    if (row) row.scrollIntoView({ block: "center" });
  };
  if (well) well.addEventListener("toggle", apply);
  window.addEventListener("hashchange", unfold);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target.matches("input")) return;
    event.preventDefault();
    search.focus();
  });
  apply();
  unfold();
})();

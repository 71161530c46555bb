"use strict";
// Without this script every image is on the page, unfiltered: the page is complete, only longer.
(() => {
  const gallery = document.querySelector(".gallery");
  if (!gallery) return;
  const tiles = [...gallery.querySelectorAll(".tile")];
  const buttons = [...document.querySelectorAll("[data-filter]")];
  const showAll = document.querySelector(".show-all");
  const status = document.querySelector(".shown");
  const first = Number(gallery.dataset.first);
  let wanted = "all";
  let expanded = false;

  const matches = (tile) => wanted === "all" || tile.dataset.status === wanted || tile.dataset.kind === wanted;
  const visible = () => tiles.filter((tile) => !tile.hidden);

  function apply() {
    const matching = tiles.filter(matches);
    const shown = new Set(expanded ? matching : matching.slice(0, first));
    tiles.forEach((tile) => { tile.hidden = !shown.has(tile); });
    buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.filter === wanted)));
    showAll.hidden = shown.size === matching.length;
    showAll.textContent = `Show all ${matching.length}`;
    status.textContent = shown.size === matching.length
      ? `${matching.length} image${matching.length === 1 ? "" : "s"}`
      : `${shown.size} of ${matching.length} images`;
  }

  buttons.forEach((button) => button.addEventListener("click", () => {
    wanted = button.dataset.filter;
    apply();
  }));
  showAll.addEventListener("click", () => {
    const next = visible().length;
    expanded = true;
    apply();
    visible()[next]?.querySelector(".open").focus();
  });

  const dialog = document.querySelector(".lightbox");
  const body = dialog.querySelector(".lightbox-body");
  let current = null;

  function fill(tile) {
    current = tile;
    dialog.querySelector("h2").textContent = tile.querySelector(".label").firstChild.textContent;
    const parts = [".open > *", ".caption .status", ".caption .truth", ".more"].map((selector) => {
      const part = tile.querySelector(selector).cloneNode(true);
      part.hidden = false;
      return part;
    });
    body.replaceChildren(...parts);
    const list = visible();
    dialog.querySelector(".previous").disabled = tile === list[0];
    dialog.querySelector(".next").disabled = tile === list[list.length - 1];
  }

  function step(by) {
    const list = visible();
    const tile = list[list.indexOf(current) + by];
    if (tile) fill(tile);
  }

  tiles.forEach((tile) => tile.querySelector(".open").addEventListener("click", () => {
    fill(tile);
    dialog.showModal();
  }));
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());
  dialog.querySelector(".previous").addEventListener("click", () => step(-1));
  dialog.querySelector(".next").addEventListener("click", () => step(1));
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  });
  dialog.addEventListener("close", () => current?.querySelector(".open").focus());

  document.querySelector(".filters").hidden = false;
  apply();
})();

// One filter for the whole page: show one ability, or all. Without scripts everything is shown.
(() => {
  const chips = [...document.querySelectorAll("[data-pick]")];
  const parts = [...document.querySelectorAll("[data-ability]")];
  const pick = (wanted) => {
    for (const chip of chips) chip.setAttribute("aria-pressed", String(chip.dataset.pick === wanted));
    for (const part of parts) part.hidden = wanted !== "all" && part.dataset.ability !== wanted;
  };
  for (const chip of chips) chip.addEventListener("click", () => pick(chip.dataset.pick));
  document.documentElement.classList.add("script");
})();

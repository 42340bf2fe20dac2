// The list: keys, and choosing several records.
const bulk = document.getElementById("bulk");
const typing = (target) => target.closest("input, textarea, select, [contenteditable]");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (event.key === "/") { event.preventDefault(); document.getElementById("seek")?.focus(); }
  if (event.key === "n") document.querySelector("[data-new]")?.click();
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-all]")) {
    for (const one of document.querySelectorAll('[name="record"]')) one.checked = event.target.checked;
  }
  count();
});
document.body.addEventListener("htmx:afterSwap", count);

function count() {
  if (!bulk) return;
  const chosen = document.querySelectorAll('[name="record"]:checked').length;
  bulk.hidden = chosen === 0;
  bulk.querySelector("[data-count]").textContent = chosen === 1 ? "1 record" : `${chosen} records`;
}

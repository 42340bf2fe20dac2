// What every page has: the theme, the menus, dialogs, copying. Nothing here knows a field.
const root = document.documentElement;

for (const button of document.querySelectorAll("[data-theme-switch]")) {
  button.addEventListener("click", () => {
    const dark = getComputedStyle(root).colorScheme === "dark" ||
      (!root.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
    root.dataset.theme = dark ? "light" : "dark";
    document.cookie = `authrecord_theme=${root.dataset.theme}; Path=/; Max-Age=31536000; SameSite=Lax`;
  });
}

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  const opener = event.target.closest("[data-open]");
  if (opener) document.getElementById(opener.dataset.open).showModal();
  if (event.target.closest("[data-close]")) event.target.closest("dialog").close();
  const copy = event.target.closest("[data-copy], [data-copy-from]");
  if (copy) {
    const text = copy.dataset.copy ?? document.getElementById(copy.dataset.copyFrom).textContent;
    navigator.clipboard.writeText(text).then(() => { copy.textContent = "Copied"; });
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

document.body.addEventListener("htmx:responseError", (event) => {
  const target = event.detail.target;
  if (event.detail.xhr.status === 401) { location.assign("/sign-in"); return; }
  let words = "The server did not answer as it should.";
  try { const problem = JSON.parse(event.detail.xhr.responseText); words = [problem.detail || problem.title, problem.hint].filter(Boolean).join(" "); } catch { /* not a problem document: the words above stand */ }
  target.replaceChildren(notice(words));
});

document.body.addEventListener("htmx:sendError", (event) => {
  event.detail.target.replaceChildren(notice("The server cannot be reached. Is it still running?"));
});

function notice(words) {
  const box = document.createElement("div");
  box.className = "notice bad";
  box.setAttribute("role", "alert");
  box.textContent = words;
  return box;
}

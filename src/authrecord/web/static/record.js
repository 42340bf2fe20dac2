// The form: lists by keyboard, secrets that are replaced or cleared, what depends on what. Which fields there are,
// and what is wrong with them, is the server's.
const form = document.getElementById("record-form");
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const changed = () => document.body.dispatchEvent(new Event("record-changed", { bubbles: true }));
let clean = true;

// Saving
document.addEventListener("keydown", (event) => {
  const key = event.key.toLowerCase();
  if ((event.ctrlKey || event.metaKey) && key === "s") { event.preventDefault(); document.getElementById("save")?.click(); }
  if ((event.ctrlKey || event.metaKey) && key === "enter" && event.target.closest("#try-form")) {
    event.preventDefault();
    document.getElementById("send").click();
  }
});
form.addEventListener("input", () => { clean = false; });
form.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target !== form) return;
  for (const slot of all(".error", form)) slot.textContent = "";
  for (const one of all("[aria-invalid]", form)) one.removeAttribute("aria-invalid");
});
form.addEventListener("htmx:afterRequest", (event) => {
  if (event.target === form && event.detail.successful && event.detail.xhr.status === 204) clean = true;
});
document.body.addEventListener("htmx:afterSettle", () => {
  const wrong = all(".error:not(:empty)", form);
  for (const slot of wrong) {
    const control = document.getElementById(slot.id.replace(/^error-/, ""));
    control?.setAttribute("aria-invalid", "true");
    const folded = slot.closest("details:not([open])");
    if (folded) folded.open = true;
  }
});
document.body.addEventListener("htmx:oobAfterSwap", (event) => {
  if (event.target.id.startsWith("error-") && !document.querySelector("[aria-invalid]")) {
    document.getElementById(event.target.id.replace(/^error-/, ""))?.focus();
  }
});
addEventListener("beforeunload", (event) => { if (!clean) event.preventDefault(); });

// Fields that another one makes visible
function settle() {
  for (const one of all("[data-with]", form)) {
    const other = form.elements[one.dataset.with];
    one.hidden = Boolean(other) && other.value !== one.dataset.withValue;
  }
  for (const one of all("[data-masked-by]", form)) {
    const held = one.closest(".field").querySelector(".held:not([hidden])");
    one.type = held || form.elements[one.dataset.maskedBy]?.checked ? "password" : "text";
  }
  for (const line of all("[data-line]", form)) {
    const value = line.querySelector('[name$=".value"]');
    value.type = line.querySelector('[name$=".sensitive"]').checked ? "password" : "text";
  }
  for (const group of all("[data-fold]", form)) summarise(group);
}
function summarise(group) {
  const lines = all("[data-line]", group).filter((line) => line.querySelector('[name$=".key"]').value);
  const told = group.querySelector("[data-set]");
  if (group.querySelector("[data-lines]")) {
    const hidden = lines.filter((line) => line.querySelector('[name$=".sensitive"]').checked).length;
    told.textContent = lines.length ? `${lines.length} ${lines.length === 1 ? "parameter" : "parameters"}${hidden ? `, ${hidden} sensitive` : ""}` : "None";
    return;
  }
  const set = all("[data-default]", group).filter((one) => (one.type === "checkbox" ? (one.checked ? "on" : "") : one.value) !== one.dataset.default);
  told.textContent = set.length ? `${set.length} set` : "As usual";
}
form.addEventListener("input", settle);
form.addEventListener("change", settle);

// Secrets that are set
form.addEventListener("click", (event) => {
  const held = event.target.closest(".held");
  if (held && event.target.closest("[data-replace], [data-clear]")) {
    const box = held.parentElement;
    const input = all("input", box).find((one) => !held.contains(one) && one.disabled);
    held.querySelector("input").disabled = true;
    held.hidden = true;
    input.hidden = false;
    input.disabled = false;
    if (event.target.closest("[data-replace]")) input.focus();
    else { input.placeholder = "Cleared when saved"; input.focus(); }
    clean = false;
    settle();
    changed();
  }
  const reveal = event.target.closest("[data-reveal]");
  if (reveal) openReveal(reveal.dataset.reveal);
});
// A key in PEM form has several lines, which a password field would lose.
form.addEventListener("paste", (event) => {
  const text = event.clipboardData.getData("text");
  if (event.target.matches("input[data-secret]") && text.trim().includes("\n")) {
    event.preventDefault();
    severalLines(event.target, text).focus();
    changed();
  }
});
function severalLines(input, text) {
  const area = document.createElement("textarea");
  for (const name of ["name", "id", "aria-describedby", "autocomplete"]) area.setAttribute(name, input.getAttribute(name) ?? "");
  area.className = "code masked";
  area.value = text.trim() + "\n";
  input.replaceWith(area);
  return area;
}

// Lists
const emptyLine = (line) => !all('input[type="text"], input[type="password"]', line).some((one) => one.value) && !line.querySelector(".held:not([hidden])");
function addLine(list, pair = ["", ""]) {
  const number = 1 + Math.max(-1, ...all("[data-line] [name]", list).map((one) => Number(/\.(\d+)\./.exec(one.name)?.[1] ?? -1)));
  const line = list.querySelector("template").content.querySelector("[data-line]").cloneNode(true);
  for (const one of all("[name]", line)) one.name = one.name.replace(".NUMBER.", `.${number}.`);
  list.insertBefore(line, list.querySelector("template"));
  line.querySelector('[name$=".key"]').value = pair[0];
  line.querySelector('[name$=".value"]').value = pair[1];
  settle();
  changed();
  return line;
}
function removeLine(line) {
  const near = line.previousElementSibling?.matches("[data-line]") ? line.previousElementSibling : line.nextElementSibling;
  const adder = line.closest("details, section").querySelector("[data-add-line]");
  line.remove();
  (near?.matches("[data-line]") ? near.querySelector("input") : adder)?.focus();
  clean = false;
  settle();
  changed();
}
form.addEventListener("click", (event) => {
  const add = event.target.closest("[data-add-line]");
  if (add) addLine(form.querySelector(`[data-lines="${add.dataset.addLine}"]`)).querySelector("input").focus();
  if (event.target.closest("[data-remove-line]")) removeLine(event.target.closest("[data-line]"));
});
form.addEventListener("keydown", (event) => {
  const line = event.target.closest("[data-line]");
  if (!line || !event.target.matches("input")) return;
  const list = line.closest("[data-lines]");
  if (event.key === "Enter") {
    event.preventDefault();
    const next = line.nextElementSibling;
    (next?.matches("[data-line]") ? next : addLine(list)).querySelector("input").focus();
  }
  if (event.key === "Backspace" && emptyLine(line)) { event.preventDefault(); removeLine(line); }
});
form.addEventListener("paste", (event) => {
  const line = event.target.closest("[data-line]");
  const pairs = line ? pairsOf(event.clipboardData.getData("text").trim()) : [];
  if (pairs.length === 0) return;
  event.preventDefault();
  const list = line.closest("[data-lines]");
  if (emptyLine(line)) line.remove();
  for (const pair of pairs) addLine(list, pair);
});
function pairsOf(text) {
  if (text.startsWith("{")) {
    try { return Object.entries(JSON.parse(text)).map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]); } catch { return []; }
  }
  if (!/^[^\s=&]+=[^&]*(&[^\s=&]+=[^&]*)*$/.test(text)) return [];
  return [...new URLSearchParams(text)];
}

// Start from something: the server says what it understood, and the answer keeps nothing of it
document.body.addEventListener("htmx:afterSwap", (event) => {
  const told = event.target.id === "understood" ? event.target.querySelector("[data-understood]") : null;
  if (!told) return;
  told.remove();
  const { values, lines, whole } = JSON.parse(told.dataset.understood);
  if (whole) {
    form.reset();
    for (const line of all("[data-line]", form)) line.remove();
    if (!event.target.querySelector("[name=choice]")) document.getElementById("start-text").value = "";
  }
  for (const [path, value] of Object.entries(values)) {
    const control = form.elements[path];
    if (!control) continue;
    if (typeof value === "string" && value.includes("\n") && control.matches?.("input[data-secret]")) severalLines(control, value);
    else if (control instanceof RadioNodeList) for (const one of control) one.checked = one.value === value;
    else if (control.type === "checkbox") control.checked = value === true;
    else control.value = value;
  }
  for (const [path, given] of Object.entries(lines)) {
    const list = form.querySelector(`[data-lines="${path}"]`);
    for (const line of given) {
      const added = addLine(list, [line.key, line.value]);
      added.querySelector('[name$=".sensitive"]').checked = line.sensitive === true;
      const place = added.querySelector("select");
      if (place && line.send_in) place.value = line.send_in;
    }
  }
  clean = false;
  settle();
  changed();
});
if (location.hash === "#start") { const start = document.getElementById("start"); start.open = true; start.querySelector("textarea").focus(); }

// Try it, and the pattern's tester
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-use-answer]")) return;
  const tester = document.getElementById("pattern");
  tester.open = true;
  document.getElementById("pattern-answer").value = document.getElementById("last-answer").textContent;
  document.getElementById("pattern-form").dispatchEvent(new Event("input", { bubbles: true }));
  document.getElementById("pattern-text").focus();
});

document.body.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.id === "trial" || event.target.id === "attempt") event.target.scrollIntoView({ block: "nearest" });
});

// Reveal: the password again, and the value for half a minute
const dialog = document.getElementById("reveal-dialog");
function openReveal(path) {
  hide();
  dialog.querySelector('[name="path"]').value = path;
  dialog.showModal();
}
function hide() {
  const shown = document.getElementById("revealed");
  shown.textContent = "";
  shown.hidden = true;
  document.getElementById("reveal-error").textContent = "";
}
dialog?.addEventListener("close", hide);
document.getElementById("reveal-form")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const asked = event.target;
  const password = asked.elements.password;
  const answer = await fetch(asked.dataset.action, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ path: asked.elements.path.value, password: password.value }),
  });
  const told = await answer.json();
  password.value = "";
  if (!answer.ok) { document.getElementById("reveal-error").textContent = told.detail; password.focus(); return; }
  const shown = document.getElementById("revealed");
  shown.textContent = told.value;
  shown.hidden = false;
  setTimeout(hide, 30000);
});

settle();

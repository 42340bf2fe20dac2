// The one-time link: its secret stands in the fragment, is taken out of the address at once, and is handed over.
const text = location.hash.slice(1);
if (text) {
  history.replaceState(null, "", location.pathname);
  const said = document.getElementById("said");
  said.textContent = "One moment…";
  fetch("/sign-in/link", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ link: text }) })
    .then((answer) => {
      if (answer.ok) { location.replace("/welcome"); return; }
      said.textContent = "This link was used already, or its quarter of an hour is over. Start the server again for a new one.";
    })
    .catch(() => { said.textContent = "The server cannot be reached. Is it still running?"; });
}

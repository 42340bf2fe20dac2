// The implicit grant's answer: out of the address bar and the history first, then to the server.
const answer = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
const said = (title, words) => {
  document.getElementById("fragment-title").textContent = title;
  document.getElementById("fragment-said").textContent = words;
};
fetch("/callback-fragment", {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ fragment: answer, path: location.pathname }),
})
  .then(async (reply) => {
    const told = await reply.json();
    if (reply.ok) location.replace(told.to);
    else said(told.title ?? "This answer does not belong to a login", told.detail ?? "Start the login again.");
  })
  .catch(() => said("The server cannot be reached", "Start the login again."));

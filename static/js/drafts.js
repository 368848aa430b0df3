// Keeps what somebody writes to the agent or to colleagues in this tab until it is sent. The server keeps it too
// (_keeping.html), but not what was written while it was away or nobody was signed in.

const FIELD = "textarea[name=message]", FIELDS = `#ticket ${FIELD}`;
const reader = () => document.getElementById("ticket")?.dataset.reader;
const nameOf = (field) => `draft ${reader()} ${location.pathname} ${field.id}`;

function restore() {
  for (const field of document.querySelectorAll(FIELDS)) {
    const words = sessionStorage.getItem(nameOf(field));
    if (!words || words.length <= field.value.length) continue;
    field.value = words;
    for (let fold = field.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  }
}

document.addEventListener("input", ({ target }) => {
  if (target.matches(FIELDS)) sessionStorage.setItem(nameOf(target), target.value);
});
// Only the words of the form that was sent: who is looking is told by a post too.
document.addEventListener("htmx:beforeSwap", ({ detail: { requestConfig, xhr } }) => {
  const isSent = requestConfig.verb === "post" && xhr.status < 400 && !xhr.getResponseHeader("HX-Redirect");
  if (isSent) for (const field of requestConfig.elt.querySelectorAll(FIELD)) sessionStorage.removeItem(nameOf(field));
});
document.addEventListener("submit", ({ target }) => {
  if (target.action.endsWith("/logout/")) sessionStorage.clear();
});
restore();

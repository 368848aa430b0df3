// Keeps what somebody writes to the agent or to colleagues, in this tab only, until it is sent: a page that
// has to be loaded again, or a sign-in in between, loses no words. Arguments are not kept: they may have changed.

const FIELDS = "#ticket textarea[name=message]";
const reader = () => document.getElementById("ticket")?.dataset.reader;
const nameOf = (field) => `draft ${reader()} ${location.pathname} ${field.id}`;

function restore() {
  for (const field of document.querySelectorAll(FIELDS)) {
    const words = sessionStorage.getItem(nameOf(field));
    if (!words || field.value) continue;
    field.value = words;
    for (let fold = field.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  }
}

document.addEventListener("input", ({ target }) => {
  if (target.matches(FIELDS)) sessionStorage.setItem(nameOf(target), target.value);
});
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const isSent = detail.requestConfig.verb === "post" && detail.xhr.status < 400 && !detail.xhr.getResponseHeader("HX-Redirect");
  if (isSent) for (const field of document.querySelectorAll(FIELDS)) sessionStorage.removeItem(nameOf(field));
});
document.addEventListener("submit", ({ target }) => {
  if (target.action.endsWith("/logout/")) sessionStorage.clear();
});
restore();

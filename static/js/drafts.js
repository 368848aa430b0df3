// Keeps words in this tab until they are sent, as the server does (_keeping.html): also while it is away.

import { unfold } from "./keys.js";

const { findAll, on } = htmx;
const FIELD = "#ticket textarea[name=message]";
const nameOf = (field) => `draft ${field.closest("#ticket").dataset.reader} ${location.pathname} ${field.id}`;

function restore() {
  for (const field of findAll(FIELD)) {
    const words = sessionStorage.getItem(nameOf(field));
    if (!words || words.length <= field.value.length) continue;
    field.value = words;
    unfold(field);
  }
}

on("input", ({ target }) => {
  if (target.matches(FIELD)) sessionStorage.setItem(nameOf(target), target.value);
});
// Only the words of the form that was sent: who is looking is told by a post too.
on("htmx:beforeSwap", ({ detail: { requestConfig, xhr } }) => {
  if (requestConfig.verb !== "post" || xhr.status >= 400 || xhr.getResponseHeader("HX-Redirect")) return;
  for (const field of findAll(requestConfig.elt, FIELD)) sessionStorage.removeItem(nameOf(field));
});
on("submit", ({ target }) => {
  if (target.action.endsWith("/logout/")) sessionStorage.clear();
});
restore();

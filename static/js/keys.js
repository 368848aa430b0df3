// The keyboard. A letter goes somewhere, opens or selects; none decides anything: that takes another key.
// Data in: html[data-keys], [data-key="a"] (what the letter goes to), ol[data-list], #keys, #search.

const SETTLE = 400, CHORD = 1_500;
const PLACES = { i: "/", w: "/?tab=others", d: "/decided/", m: "/insights/" };
const TYPING = "input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable], dialog";
const mode = document.documentElement.dataset.keys;
const sheet = document.getElementById("keys");
let went = 0, changed = 0;

const rows = () => [...document.querySelectorAll("ol[data-list] .ticket-row")].filter((row) => row.checkVisibility());
const current = () => document.activeElement?.closest?.(".ticket-row");

function move(step) {
  const all = rows(), at = all.indexOf(current());
  const next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1)];
  next?.querySelector("a")?.focus();
  next?.scrollIntoView({ block: "nearest" });
  return next;
}

async function claim(row) {
  const token = document.querySelector("[name=csrfmiddlewaretoken]")?.value;
  const path = new URL(row.querySelector("a").href).pathname;
  await fetch(`${path}claim/`, { method: "POST", headers: { "X-CSRFToken": token }, redirect: "manual" });
  row.querySelector("a").focus(); // its row is drawn again by what the socket brings
}

const LIST = {
  j: () => move(1), k: () => move(-1),
  ArrowDown: () => current() ? move(1) : undefined, ArrowUp: () => current() ? move(-1) : undefined,
  o: () => current()?.querySelector("a").click(),
  x: () => current()?.querySelector("input")?.click(),
  c: () => current() && claim(current()),
};

// What a letter names is opened and gets the focus; a link or a fold may be followed, a button is never pressed.
function goTo(target) {
  if (target.matches("summary")) target.parentElement.open = true;
  for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  if (target.matches("a[href]")) return target.click();
  const inner = target.matches("summary") ? target.parentElement.querySelector("input:not([type=hidden]), textarea, select") : null;
  (inner ?? target).focus();
}

// Says whether the letter meant anything here.
function letter(key) {
  const isChord = went && performance.now() - went < CHORD;
  went = key === "g" ? performance.now() : 0;
  const fresh = document.getElementById("newcomers");
  const named = [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].find((one) => one.checkVisibility());
  if (key === "g") return true;
  if (isChord && PLACES[key]) location.assign(PLACES[key]);
  else if (key === "?") sheet?.showModal();
  else if (key === "/") document.getElementById("search")?.focus();
  else if (key === "n" && fresh && !fresh.hidden) fresh.click();
  else if (named && performance.now() - changed >= SETTLE) goTo(named);
  else if (document.querySelector("ol[data-list]") && LIST[key]) return LIST[key]() !== undefined || key.length === 1;
  else return Boolean(named);
  return true;
}

function escape() {
  const at = document.activeElement, fold = at?.closest("#ticket details[open]");
  if (fold) {
    fold.open = false;
    fold.querySelector("summary").focus();
  } else if (at?.matches(TYPING)) at.blur();
  else if (document.getElementById("ticket")) location.assign("/");
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.ctrlKey || event.metaKey || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") return escape();
  if (event.repeat && !/^(j|k|Arrow.*)$/.test(event.key)) return;
  const isNamed = event.key.length > 1;
  if (mode === "off" && !isNamed) return;
  if (!isNamed && event.altKey !== (mode === "alt")) return;
  if (event.target.closest?.(TYPING)) return;
  if (isNamed && !LIST[event.key]) return;
  if (letter(event.key)) event.preventDefault();
});
document.addEventListener("htmx:afterSettle", () => { changed = performance.now(); });
changed = performance.now();

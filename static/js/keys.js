// The keyboard. A letter goes somewhere, opens or selects; none decides anything: that takes another key.
// Data in: html[data-keys], [data-key="a"] or "gi" (where letters go).

const { find, findAll, on } = htmx;
const SETTLE = 400, CHORD = 1_500;
const TYPING = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
const FIELD = "input:not([type=hidden]), textarea, select";
const mode = document.documentElement.dataset.keys;
const keyed = (keys) => `[data-key="${CSS.escape(keys)}"]`;
const shown = (selector) => [...findAll(selector)].filter((one) => one.checkVisibility());
const current = () => document.activeElement.closest(".ticket-row");
let went = -CHORD, changed = performance.now();

function move(step) {
  const all = shown(".ticket-row"), at = all.indexOf(current());
  const row = at < 0 && step < 0 ? all.at(-1) : all[at + step];
  row?.querySelector("a").focus();
}

// The socket brings the row anew.
function post(link, noun) {
  const token = find("[name=csrfmiddlewaretoken]").value;
  fetch(`${link.pathname}${noun}/`, { method: "POST", headers: { "X-CSRFToken": token }, redirect: "manual" });
}

const STEPS = { j: 1, k: -1, ArrowDown: 1, ArrowUp: -1 };
const ACTS = {
  o: (link) => link.click(),
  x: (link, row) => shown(`#${row.id} input`)[0]?.click(),
  c: (link) => post(link, "claim"),
  s: (link) => location.assign(`${link.pathname}snooze/`),
  u: (link, row) => post(link, row.classList.toggle("ticket-row--seen") ? "seen" : "seen/end"),
};

export function unfold(element) {
  for (const fold of findAll("details")) fold.open ||= fold.contains(element);
}

// What a letter names is opened and gets the focus; a link may be followed, no button that decides is pressed.
function goTo(target) {
  unfold(target);
  if (target.matches("a[href], #newcomers")) return target.click();
  (target.matches("summary") && find(target.parentElement, FIELD) || target).focus();
}

// Says whether it meant anything here.
function letter(key) {
  const now = performance.now(), isChord = now - went < CHORD;
  const [named] = shown(keyed(key)), place = isChord && find(keyed(`g${key}`));
  const row = current(), act = row && ACTS[key], step = STEPS[key];
  went = key === "g" ? now : -CHORD;
  if (place) place.click();
  else if (key === "?") find("#keys").showModal();
  else if (named) find("#ticket") && now - changed < SETTLE || goTo(named);
  else if (step) move(step);
  else act?.(find(row, "a"), row);
  return named || step || act || key === "?";
}

function escape() {
  const at = document.activeElement, fold = at.closest("#ticket details[open]");
  if (fold) {
    fold.open = false;
    find(fold, "summary").focus();
  } else if (at.matches(TYPING)) at.blur();
  else find("#ticket .crumb")?.click();
}

// What Ctrl or Command and Enter send: the form one is typing in, unless what it does cannot be undone.
const SENT = "#ticket:not(.panel--critical) form:not(:has([name=confirm]))";

on("keydown", (event) => {
  const { key, target, repeat } = event, isNamed = key.length > 1;
  if (event.isComposing || find("dialog[open]")) return;
  if (event.ctrlKey || event.metaKey) return key === "Enter" && !repeat && target.closest(SENT)?.requestSubmit();
  if (key === "Escape") return escape();
  if (target.matches(TYPING) || (repeat && !/^(j|k|Arrow.*)$/.test(key))) return;
  if (isNamed ? !current() : mode === "off" || event.altKey !== (mode === "alt")) return;
  if (letter(key)) event.preventDefault();
});
on("htmx:afterSettle", ({ target }) => {
  if (target.matches("#ticket, #ticket :not(#looking)")) changed = performance.now();
});

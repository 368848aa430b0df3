// The keyboard. A letter goes somewhere, opens or selects; none decides anything: that takes another key.
// Data in: html[data-keys], [data-key="a"] (what the letter goes to), ol[data-list].

const { find, findAll, on } = htmx;
const SETTLE = 400, CHORD = 1_500;
const PLACES = { i: "/", w: "/?tab=others", d: "/decided/", m: "/insights/", n: "/review/next/" };
const TYPING = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
const mode = document.documentElement.dataset.keys;
const shown = (selector) => [...findAll(selector)].filter((one) => one.checkVisibility());
const current = () => document.activeElement.closest(".ticket-row");
let went = -CHORD, changed = performance.now();

function move(step) {
  const all = shown("ol[data-list] .ticket-row"), at = all.indexOf(current());
  const row = at < 0 && step < 0 ? all.at(-1) : all[at + step];
  row?.querySelector("a").focus();
}

async function claim(row) {
  const link = row.querySelector("a"), token = find("[name=csrfmiddlewaretoken]").value;
  await fetch(`${link.pathname}claim/`, { method: "POST", headers: { "X-CSRFToken": token }, redirect: "manual" });
  link.focus(); // its row is drawn again by what the socket brings
}

const LIST = {
  j: () => move(1), k: () => move(-1), ArrowDown: () => move(1), ArrowUp: () => move(-1),
  o: () => current()?.querySelector("a").click(),
  x: () => current()?.querySelector("input").click(),
  c: () => current() && claim(current()),
};

export function unfold(element) {
  for (let fold = element.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
}

// What a letter names is opened and gets the focus; a link may be followed, no button that decides is pressed.
function goTo(target) {
  unfold(target);
  if (target.matches("a[href], #newcomers")) return target.click();
  const inner = target.matches("summary") && target.parentElement.querySelector("input:not([type=hidden]), textarea, select");
  (inner || target).focus();
}

// Says whether it meant anything here.
function letter(key) {
  const now = performance.now(), isChord = now - went < CHORD;
  const [named] = shown(`[data-key="${CSS.escape(key)}"]`);
  went = key === "g" ? now : -CHORD;
  if (isChord && PLACES[key]) location.assign(PLACES[key]);
  else if (key === "?") find("#keys").showModal();
  else if (named) find("#ticket") && now - changed < SETTLE || goTo(named);
  else if (find("ol[data-list]")) LIST[key]?.();
  return named || LIST[key] || key === "?";
}

function escape() {
  const at = document.activeElement, fold = at.closest("#ticket details[open]");
  if (fold) {
    fold.open = false;
    fold.querySelector("summary").focus();
  } else if (at.matches(TYPING)) at.blur();
  else if (find("#ticket")) location.assign("/");
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
  if (target.closest("#ticket")) changed = performance.now();
});

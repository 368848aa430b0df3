// Puts the rows of tickets into the list of the page, in the order the server would draw, and moves none under
// a pointer, the focus or a selection. What waits for this reader is kept as ids: every page counts it.
// Data in: ol[data-list][data-takes][data-cut], li[data-order][data-state], #live-socket[data-waiting].

const FOLD = 8_000, LOOK = 500, TOP = 120, MOST = 1_000;
const byId = (id) => document.getElementById(id);
const list = () => document.querySelector("ol[data-list]");
const isPending = (row) => row.dataset.state === "pending";
const isTouched = (place) => Boolean(place?.matches(":hover, :focus-within"));

// At the top, with nothing pointed at, focused or selected, a row may come and go.
function isBusy() {
  const here = list();
  return isTouched(here) || scrollY > TOP || Boolean(here?.querySelector("input:checked"));
}

const waiting = new Set(byId("live-socket").dataset.waiting.split(" ").filter(Boolean).map((id) => `ticket-row-${id}`));
const isCut = waiting.size > MOST;
const held = new Map(); // what waits until nobody's hand is on the list: a row to put in, or one to take out

// Takes the rows out of what came. `news`: tickets that wait for the reader and did not before; `isUnclear`:
// only the server knows whether a row belongs into this list.
export function take(content) {
  let news = 0, isUnclear = false;
  for (const wrapper of [...content.children].filter((root) => root.matches("ol[hx-swap-oob]"))) {
    const home = wrapper.getAttribute("hx-swap-oob").split("#")[1];
    for (const row of [...wrapper.children]) {
      news += count(row, home);
      isUnclear = put(row, home) || isUnclear;
    }
    wrapper.remove();
  }
  sumUp();
  return { news, isUnclear };
}

function count(row, home) {
  const isNews = home === "inbox-list" && !waiting.has(row.id);
  if (home === "inbox-list") waiting.add(row.id);
  else waiting.delete(row.id);
  return isNews ? 1 : 0;
}

function put(row, home) {
  const here = list(), old = byId(row.id);
  held.delete(row.id);
  if (old) replace(old, row);
  if (!here || here.dataset.list === "asked") return Boolean(here);
  const isHere = here.dataset.takes.split(" ").includes(home);
  if (isHere && !old) later(row, () => insert(row));
  else if (!isHere && old && isPending(row)) later(row, () => row.remove());
  else if (!isHere && old) fold(row); // decided elsewhere: it stays to be read first
  return false;
}

// The list as the server draws it now: what is missing comes in, what is gone goes.
export function merge(fresh) {
  const here = list(), rows = [...fresh.querySelectorAll("ol[data-list] .ticket-row")];
  if (!here) return;
  const wanted = new Set(rows.map((row) => row.id));
  for (const row of here.querySelectorAll(".ticket-row")) if (!wanted.has(row.id) && isPending(row)) later(row, () => row.remove());
  for (const row of rows) {
    const old = byId(row.id);
    if (old) replace(old, row);
    else later(row, () => insert(row));
  }
  sumUp();
}

function replace(old, row) {
  const hadFocus = old.contains(document.activeElement) && document.activeElement.tagName;
  const was = old.querySelector("input"), now = row.querySelector("input");
  if (was && now) now.checked = was.checked;
  old.replaceWith(row);
  if (hadFocus) row.querySelector(hadFocus.toLowerCase())?.focus({ preventScroll: true });
}

function later(row, move) {
  if (isBusy()) held.set(row.id, { row, move });
  else move();
  showHeld();
}

function insert(row) {
  const here = list(), isNewest = here.id === "decided-list";
  const next = [...here.children].find((other) => isNewest ? other.dataset.order < row.dataset.order : other.dataset.order > row.dataset.order);
  if (next || !("cut" in here.dataset)) here.insertBefore(row, next ?? null);
}

// What was decided elsewhere stays long enough to be read, and while somebody is on it.
function fold(row) {
  setTimeout(function leave() {
    if (!row.isConnected || isPending(row)) return;
    if (isTouched(row)) return setTimeout(leave, 1_000);
    row.remove();
    sumUp();
  }, FOLD);
}

function showHeld() {
  const fresh = [...held.values()].filter(({ row }) => !row.isConnected).length;
  byId("newcomers").hidden = fresh === 0;
  byId("newcomers").textContent = `${fresh} new – press n`;
}

export function release() {
  for (const { move } of held.values()) move();
  held.clear();
  showHeld();
  sumUp();
}

// The heading, the tab's title, the number in the page and the next deadline say the same.
export function sumUp() {
  const words = isCut ? `${MOST.toLocaleString("en")}+` : waiting.size.toLocaleString("en");
  document.title = (waiting.size ? `(${words}) ` : "") + document.title.trim().replace(/^\([\d,]+\+?\) /, "");
  if (waiting.size) navigator.setAppBadge?.(waiting.size).catch(() => {});
  else navigator.clearAppBadge?.().catch(() => {});
  const heading = byId("waiting-for-you"), tab = document.querySelector("[data-tab='']");
  if (tab) tab.textContent = words;
  if (!heading) return;
  heading.textContent = waiting.size ? `${words} waiting for you` : "Nothing is waiting for you";
  const here = list();
  const unsorted = [...here.children].filter(isPending).some((row, at, all) => at && all[at - 1].dataset.order > row.dataset.order);
  byId("resort").hidden = !unsorted;
  if ("cut" in here.dataset) return;
  const due = [...here.querySelectorAll("[data-state=pending] time[data-countdown]")];
  const first = due.sort((one, other) => Date.parse(one.dateTime) - Date.parse(other.dateTime))[0];
  byId("next-deadline").hidden = !first;
  if (first) byId("next-deadline").querySelector("time").replaceWith(first.cloneNode(true));
}

byId("newcomers").addEventListener("click", release);
setInterval(() => held.size && !isBusy() && release(), LOOK);
document.addEventListener("htmx:afterSettle", sumUp); // a swapped ticket brings a title of its own
sumUp();

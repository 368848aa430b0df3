// Puts the rows of tickets where they belong: into their list, in the order the server would draw, and never
// under a pointer or the focus. What waits for this reader is kept as ids, so that every page can count it.
// Data in: ol[data-list][data-cut], li[data-order][data-state], #live-socket[data-waiting].

const FOLD = 8_000, LOOK = 500;
const byId = (id) => document.getElementById(id);
const isPending = (row) => row.dataset.state === "pending";
const isBusy = (list) => list?.matches(":hover, :focus-within") ?? false;

const waiting = new Set(byId("live-socket").dataset.waiting.split(" ").filter(Boolean).map((id) => `ticket-row-${id}`));
const held = new Map(); // rows that wait until nobody points at their list

// Takes the rows out of what came; says how many tickets wait for the reader that did not before.
export function take(content) {
  let news = 0;
  for (const wrapper of [...content.children].filter((root) => root.matches("ol[hx-swap-oob]"))) {
    const home = wrapper.getAttribute("hx-swap-oob").split("#")[1];
    for (const row of [...wrapper.children]) news += put(row, home);
    wrapper.remove();
  }
  sumUp();
  return news;
}

function put(row, home) {
  const isNews = home === "inbox-list" && !waiting.has(row.id);
  if (home === "inbox-list") waiting.add(row.id);
  else waiting.delete(row.id);
  const list = byId(home);
  let old = byId(row.id);
  if (old?.closest("#snoozed-list") && home !== "others-list") {
    old.remove(); // escalated, handed over or decided: it is put off no longer
    old = null;
  }
  held.delete(row.id);
  if (old) replace(old, row);
  const at = row.closest("[data-list]");
  if (at && at !== list && !isPending(row)) fold(row); // decided here: it stays to be read first
  else if (list && (!old || at)) place(row, list);
  return isNews ? 1 : 0;
}

function replace(old, row) {
  const hadFocus = old.contains(document.activeElement);
  old.replaceWith(row);
  if (hadFocus) row.querySelector("a")?.focus({ preventScroll: true });
}

function place(row, list) {
  if (isBusy(list) || isBusy(row.closest("[data-list]"))) {
    if (row.parentElement !== list || !isSorted(row)) held.set(row.id, { row, list });
    return showHeld();
  }
  insert(row, list);
}

function insert(row, list) {
  const before = list.dataset.list === "newest-first" ? (other) => other.dataset.order < row.dataset.order : (other) => other.dataset.order > row.dataset.order;
  const rivals = [...list.children].filter((other) => other !== row && isPending(other) === isPending(row));
  const next = rivals.find(before);
  const isOff = list.dataset.list === "earlier" || (!next && "cut" in list.dataset);
  const isThere = row.parentElement === list;
  if (isOff && !isThere) row.remove();
  else if (!isThere || !isSorted(row)) list.insertBefore(row, next ?? null);
}

function isSorted(row) {
  const [last, next] = [row.previousElementSibling, row.nextElementSibling].map((other) => other?.dataset.order);
  return (last === undefined || last < row.dataset.order) && (next === undefined || row.dataset.order < next);
}

// What was decided elsewhere stays long enough to be read, then moves to the decided ones.
function fold(row) {
  setTimeout(function move() {
    if (!row.isConnected) return;
    if (row.matches(":hover, :focus-within")) return setTimeout(move, 1_000);
    const list = byId("decided-list");
    if (list) place(row, list);
    else row.remove();
    sumUp();
  }, FOLD);
}

function showHeld() {
  const button = byId("newcomers");
  const fresh = [...held.values()].filter(({ row }) => !row.isConnected).length;
  button.hidden = fresh === 0;
  button.textContent = fresh === 1 ? "1 new ticket: show it" : `${fresh} new tickets: show them`;
}

function release(isAsked) {
  for (const [id, { row, list }] of held) {
    if (!isAsked && (isBusy(list) || isBusy(row.closest("[data-list]")))) continue;
    held.delete(id);
    insert(row, list);
  }
  showHeld();
  sumUp();
}

// The heading, the tab's title, the list and the next deadline say the same.
export function sumUp() {
  const count = counted(waiting.size, byId("waiting-for-you")?.dataset.most ?? 50);
  document.title = (count ? `(${count}) ` : "") + document.title.trim().replace(/^\(\d+\+?\) /, "");
  if (!byId("inbox")) return;
  byId("waiting-for-you").textContent = count ? `${count} waiting for you` : "Nothing is waiting for you";
  const others = byId("others-list").querySelectorAll(":scope > [data-state=pending]").length;
  if (!("cut" in byId("others-list").dataset)) byId("others-count").textContent = counted(others, byId("others-count").dataset.most);
  const due = [...byId("inbox-list").querySelectorAll(":scope > [data-state=pending] time[data-countdown]")];
  const first = due.sort((one, other) => Date.parse(one.dateTime) - Date.parse(other.dateTime))[0];
  byId("next-deadline").hidden = !first;
  if (first) byId("next-deadline").querySelector("time").replaceWith(first.cloneNode(true));
}

function counted(count, most) {
  return count > most ? `${most}+` : count || "";
}

byId("newcomers").addEventListener("click", () => release(true));
setInterval(() => held.size && release(false), LOOK);
document.addEventListener("htmx:afterSettle", sumUp); // a swapped ticket brings a title of its own
sumUp();

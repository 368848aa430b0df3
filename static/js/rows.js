// Puts rows into the list in the server's order, and moves none under a pointer, the focus or a selection. What
// waits for the reader is kept as ids: every page counts it.
// Data in: ol[data-list][data-takes][data-cut], ol[hx-swap-oob][data-seen], li[data-order][data-state], #live-socket[data-waiting].

const { find, on } = htmx;
const READ = 8_000, LOOK = 500, TOP = 120, MOST = 1_000;
const list = () => find("ol[data-list]");
const isPending = (row) => row.dataset.state === "pending";

const waiting = new Set(find("#live-socket").dataset.waiting.split(" ").filter(Boolean).map((id) => `ticket-row-${id}`));
const isCut = waiting.size > MOST;
const held = new Map(); // rows to put in or to take out once nobody's hand is on the list

function isBusy() {
  const here = list();
  return here && (here.matches(":hover, :focus-within, :has(input:checked)") || scrollY > TOP);
}

// `news`: so many did not wait for the reader before; `isUnclear`: only the server knows which belong here.
export function take(content) {
  const came = [...content.querySelectorAll("ol[hx-swap-oob] > .ticket-row")];
  const here = list(), isUnclear = came.length > 0 && here?.dataset.list === "asked";
  let news = 0;
  for (const row of came) {
    const from = row.parentElement, home = from.getAttribute("hx-swap-oob").split("#")[1];
    row.classList.toggle("ticket-row--seen", "seen" in from.dataset);
    if (home !== "inbox-list") waiting.delete(row.id);
    else if (!waiting.has(row.id)) {
      waiting.add(row.id);
      news += 1;
    }
    put(row, !here || isUnclear ? find(`#${row.id}`) : here.dataset.takes.split(" ").includes(home));
  }
  sumUp();
  return { news, isUnclear, hasRows: came.length > 0 };
}

// The list as the server draws it now.
export function merge(fresh) {
  const rows = fresh.querySelectorAll("ol[data-list] .ticket-row");
  const gone = new Set(fresh.querySelector("ol[data-list]") && list().querySelectorAll("[data-state=pending]"));
  for (const row of rows) {
    gone.delete(find(`#${row.id}`));
    put(row, true);
  }
  for (const row of gone) later(row, remove);
  sumUp();
}

function put(row, isHere) {
  const old = find(`#${row.id}`);
  held.delete(row.id);
  if (old) replace(old, row);
  if (isHere && !old) later(row, insert);
  else if (!isHere && old && isPending(row)) later(row, remove);
  else if (!isHere && old) setTimeout(() => row.isConnected && later(row, remove), READ); // decided elsewhere
}

function replace(old, row) {
  const focused = old.contains(document.activeElement) && document.activeElement.localName;
  const was = old.querySelector("input"), now = row.querySelector("input");
  if (was && now) now.checked = was.checked;
  if (isPending(row) && old.dataset.order !== row.dataset.order) find("#resort")?.removeAttribute("hidden");
  old.replaceWith(row);
  if (focused) row.querySelector(focused)?.focus({ preventScroll: true });
}

const remove = (row) => row.remove();

function insert(row) {
  const here = list(), order = row.dataset.order, isNewest = here.id === "decided-list";
  const next = [...here.children].find(({ dataset }) => isNewest ? dataset.order < order : dataset.order > order);
  if (next || !("cut" in here.dataset)) here.insertBefore(row, next ?? null);
}

function later(row, move) {
  if (isBusy()) held.set(row.id, { row, move });
  else move(row);
  showHeld();
}

function showHeld() {
  const count = [...held.values()].filter(({ row }) => !row.isConnected).length;
  find("#newcomers").hidden = count === 0;
  find("#newcomers").textContent = `${count} new – press n`;
}

function release() {
  for (const { row, move } of held.values()) move(row);
  held.clear();
  showHeld();
}

// The heading, the tab's title and the number in the page say the same.
function sumUp() {
  const count = waiting.size, words = isCut ? "1,000+" : count.toLocaleString("en");
  document.title = document.title.replace(/^(Error: |)(\([\d,+]+\) |)/, count ? `$1(${words}) ` : "$1");
  navigator.setAppBadge?.(count).catch(() => {}); // none for 0
  find("[data-tab='']")?.replaceChildren(words);
  find("#waiting-for-you")?.replaceChildren(count ? `${words} waiting for you` : "Nothing is waiting for you");
}

on("#newcomers", "click", release);
setInterval(() => held.size && !isBusy() && release(), LOOK);
on("htmx:afterSettle", sumUp); // a swapped ticket brings a title of its own
sumUp();

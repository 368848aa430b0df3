// Puts rows into the list in the server's order, and moves none under a pointer, the focus or a selection. What
// waits for the reader is kept as ids: every page counts it.
// Data in: _list.html, ol[hx-swap-oob][data-seen], #live-socket[data-waiting].

const { find, findAll, on, trigger } = htmx;
const READ = 8_000, TOP = 120;
const list = () => find("ol[data-list]");
const isPending = (row) => row.dataset.state === "pending";
const hasTwin = (row) => row && find(`[data-same="${row.dataset.same}"]:not(#${row.id})`);

const waiting = new Set(find("#live-socket").dataset.waiting.match(/\d+/g)?.map((id) => `ticket-row-${id}`));
const isCut = waiting.size > 1_000;
const held = new Map(); // what is due once no hand is on the list

const isBusy = () => scrollY > TOP
  || find("ol[data-list]:is(:hover, :focus-within, :has(input:checked, details[open]), .htmx-request *)");

// `news`: so many are new to the reader; `isUnclear`: only the server knows the list.
export function take(content) {
  const came = findAll(content, "ol[hx-swap-oob] > .ticket-row"), here = list();
  const isAsked = here?.dataset.list === "asked", hasRows = came.length;
  const isUnclear = (isAsked && hasRows) || find(content, "#reload-live");
  let news = 0, isMixed = isUnclear;
  for (const row of came) {
    const from = row.parentElement, home = from.getAttribute("hx-swap-oob").split("#")[1], old = find(`#${row.id}`);
    row.classList.toggle("ticket-row--seen", "seen" in from.dataset);
    if (home !== "inbox-list") waiting.delete(row.id);
    else if (!waiting.has(row.id)) {
      waiting.add(row.id);
      news += 1;
    }
    isMixed ||= [row, old].some(hasTwin);
    put(row, !here || isAsked ? old : here.matches(`[data-takes~=${home}]`));
  }
  if (here && isMixed) here.dataset.unclear = "";
  sumUp();
  return { news, isUnclear, hasRows };
}

// The list as the server draws it now. What became of a row is read before it goes.
export function merge(fresh) {
  const here = list(), now = here && find(fresh, "ol[data-list]:not(.beside *)");
  if (now && isBusy()) {
    for (const row of findAll(now, ".ticket-row")) put(row, true);
    later(here, again);
  } else if (now && find(":not(#decided-list) > .ticket-row--closed")) setTimeout(again, READ);
  else if (now) {
    here.replaceWith(now);
    held.clear();
  }
  sumUp();
}

function put(row, isHere) {
  const old = find(`#${row.id}`);
  held.delete(row.id);
  if (!old) return isHere && later(row, insert);
  update(old, row);
  const { state } = row.dataset; // what was decided elsewhere stays to be read
  if (!isHere) setTimeout(() => old.dataset.state === state && later(old, remove), isPending(row) ? 0 : READ);
}

// The link may have the focus, and the box a tick: they stay.
function update(old, row) {
  if (isPending(row) && old.dataset.order !== row.dataset.order) old.parentElement.dataset.moved = "";
  find(old, "a").replaceChildren(...find(row, "a").childNodes);
  for (const part of findAll(old, "p")) part.replaceWith(find(row, "p"));
  for (const { name, value } of row.attributes) old.setAttribute(name, value);
}

const again = () => trigger("body", "countersign:returns");

const remove = (row) => row.remove();

function insert(row) {
  const here = list(), { order } = row.dataset, isNewest = here.id === "decided-list";
  find(row, "a").search = location.search;
  const next = [...here.children].find(({ dataset }) => isNewest ? dataset.order < order : dataset.order > order);
  if (!find(`#${row.id}`) && (next || !("cut" in here.dataset))) here.insertBefore(row, next ?? null);
}

function later(row, move) {
  held.set(row.id, [row, move]);
  settle();
}

// What is due, once the list is free or one asks.
function settle(asked) {
  if (asked || !isBusy()) {
    for (const [row, move] of held.values()) move(row);
    held.clear();
  }
  const count = [...held.values()].filter(([, move]) => move === insert).length;
  find("#newcomers").textContent = count ? `${count} new – press n` : "";
}

// The heading, the title and the number in the page say the same.
function sumUp() {
  const count = waiting.size, words = isCut ? "1,000+" : count.toLocaleString("en");
  document.title = document.title.replace(/^(Error: |)(\([\d,+]+\) |)/, count ? `$1(${words}) ` : "$1");
  navigator.setAppBadge?.(count).catch(() => {});
  find("[data-tab='']")?.replaceChildren(words);
  find("#waiting-for-you")?.replaceChildren(count ? `${words} waiting for you` : "Nothing is waiting for you");
}

on("#newcomers", "click", settle);
setInterval(settle, 500);
on("htmx:afterSettle", sumUp); // a swapped ticket brings a title of its own
sumUp();

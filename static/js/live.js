// Keeps an open page true. The socket (htmx's ws extension) and the catch-up bring the same fragments;
// both are put in place here (rows by rows.js), so that nothing moves under a hand and nothing typed is lost.
// Data in: #live-socket[data-since], [data-live-region]. The page's words: #live-status, #announce, #stale.

import * as rows from "./rows.js";

const MOVING = 3_000, QUIET = 45_000, GRACE = 5_000, HIDDEN = 60_000, POLL = 30_000, MERGE = 2_000;
const byId = (id) => document.getElementById(id);
const socket = byId("live-socket");
const status = byId("live-status");

let since = Number(socket.dataset.since);
let isOpen = false, isNew = false, signedOut = false;
let heard = Date.now(), lost = Date.now(), polled = Date.now(), hiddenAt = 0;
let told = 0, telling = 0, refreshing = 0, relisting = 0, recounting = 0;

// Short pauses before a new attempt, spread out so that a thousand pages do not return at once.
htmx.config.wsReconnectDelay = (attempt) => 500 + Math.random() * Math.min(4_500, 500 * 2 ** attempt);

function say(state, words, link) {
  if (!status || (status.dataset.state === state && status.dataset.words === words)) return;
  status.dataset.state = state;
  status.dataset.words = words;
  status.textContent = words;
  if (link) {
    const anchor = Object.assign(document.createElement("a"), { href: link.href, textContent: link.words });
    status.append(" ", anchor);
  }
}

function showState() {
  const now = Date.now();
  const clock = new Date(heard).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  if (signedOut) say("offline", "Signed out –", { href: `/accounts/login/?next=${encodeURIComponent(location.pathname)}`, words: "sign in to continue" });
  else if (isOpen && now - heard < QUIET) say("live", "Live");
  else if (isOpen || now - lost >= QUIET) say("stale", `Not live – updated ${clock}`, { href: location.href, words: "Refresh" });
  else if (now - lost >= GRACE) say("reconnecting", "Reconnecting…");
  if (!signedOut && !(isOpen && now - heard < QUIET) && now - polled >= POLL) catchUp();
}

// A page has few of the places that marks and nudges are for.
function fitting(content) {
  for (const root of [...content.children]) if (!byId(root.id)) root.remove();
  return content;
}

function apply(html) {
  heard = Date.now();
  const parsed = document.createElement("template");
  parsed.innerHTML = html;
  const beat = [...parsed.content.querySelectorAll("#live-beat")].pop();
  const seq = Number(beat?.dataset.seq ?? since);
  const isBehind = isNew && seq > since;
  const mustReload = parsed.content.querySelector("#live-reload");
  const hadRows = parsed.content.querySelector("ol[hx-swap-oob]");
  const { news, isUnclear } = rows.take(parsed.content);
  const isNudged = [...fitting(parsed.content).children].some((root) => root.id.endsWith("-live"));
  htmx.swap(document.body, parsed.innerHTML, { swapStyle: "none", settleDelay: 0, swapDelay: 0 });
  isNew = false;
  if (isBehind) catchUp();
  else since = Math.max(since, seq);
  if (news) announce(news);
  if (isNudged || mustReload) soon();
  if (isUnclear || mustReload) relist();
  if (hadRows) recount();
  showState();
}

async function get(url) {
  const response = await fetch(url, { headers: { "X-Live": "1" }, credentials: "same-origin", cache: "no-store" });
  if (response.redirected && new URL(response.url).pathname.startsWith("/accounts/")) signedOut = true;
  if (signedOut || !response.ok) throw new Error(`${url}: ${response.status}`);
  return response.text();
}

async function catchUp() {
  polled = Date.now();
  try {
    apply(await get(`/inbox/changes/?since=${since}`));
  } catch {
    showState(); // the next beat, attempt or poll tries again
  }
}

const isTyped = (field) =>
  field.matches("[type=checkbox], [type=radio]") ? field.checked !== field.defaultChecked
  : field.matches("select") ? [...field.options].some((option) => option.selected !== option.defaultSelected)
  : !field.matches("[type=hidden], button") && (field.value !== field.defaultValue || "restored" in field.dataset);
const isBusy = (region) =>
  region.querySelector("dialog[open], [data-unsaved]") || region.querySelector("form :is(input, textarea, select):focus")
  || [...region.querySelectorAll("form :is(input, textarea, select)")].some(isTyped);

// Several nudges make one request, and an answer that is on its way comes first.
function soon() {
  clearTimeout(refreshing);
  refreshing = setTimeout(() => (document.querySelector(".htmx-request") ? soon() : refresh()), 150);
}

// Whether a ticket fits a filter, or comes on this page, the server says.
function relist() {
  clearTimeout(relisting);
  relisting = setTimeout(async () => {
    try {
      rows.merge(new DOMParser().parseFromString(await get(location.href), "text/html"));
    } catch {
      showState();
    }
  }, MERGE / 4);
}

// The numbers of the other lists: once for what came within a while, and not by all pages at the same moment.
function recount() {
  clearTimeout(recounting);
  if (byId("tabs")) recounting = setTimeout(async () => {
    if (document.hidden) return;
    const page = await get(`/inbox/tabs/${location.search}`).catch(showState); // the next one tries again
    const fresh = new DOMParser().parseFromString(page ?? "", "text/html");
    for (const count of fresh.querySelectorAll("[data-tab]")) {
      document.querySelector(`[data-tab="${count.dataset.tab}"]`)?.replaceChildren(count.textContent);
    }
    rows.sumUp();
  }, MERGE * (0.5 + Math.random()));
}

// What depends on the reader is fetched: each region of this page again, but never under someone's typing.
async function refresh() {
  const regions = [...document.querySelectorAll("[data-live-region][id]")];
  if (regions.length === 0) return;
  try {
    const fresh = new DOMParser().parseFromString(await get(location.href), "text/html");
    if (fresh.title) document.title = fresh.title;
    rows.sumUp();
    const ended = fresh.getElementById("ended")?.textContent, isSame = version(document) === version(fresh);
    for (const { id } of regions) {
      const region = byId(id), now = fresh.getElementById(id);
      if (region && !now && ended) markStale(region, ended); // a page for deciding on what is decided
      if (now) keepTouched(region, now);
      if (!region || !now || region.isEqualNode(now)) continue;
      if (!isBusy(region)) replace(region, now);
      else if (!isSame || !region.querySelector("[data-unsaved]")) markStale(region, ended);
    }
  } catch {
    showState();
  }
}

function version(page) {
  const { revision, state } = page.querySelector("#ticket")?.dataset ?? {};
  return `${revision} ${state}`;
}

// What somebody opened stays open; [data-keep] never changes, so what was loaded into it stays too.
function replace(region, now) {
  const opened = [...region.querySelectorAll("details[id][open]")];
  for (const { id } of opened) now.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
  htmx.swap(region, now.outerHTML, { swapStyle: "outerHTML", settleDelay: 0, swapDelay: 0 });
  for (const fold of opened.filter((fold) => "keep" in fold.dataset)) byId(fold.id)?.replaceWith(fold);
}

// What differs only because it was drawn again, or unfolded here, is no change.
function keepTouched(region, now) {
  const token = region?.querySelector("[name=csrfmiddlewaretoken]")?.value;
  if (token) now.querySelectorAll("[name=csrfmiddlewaretoken]").forEach((field) => field.setAttribute("value", token));
  const folds = region?.querySelectorAll("details") ?? [], fresh = now.querySelectorAll("details");
  if (folds.length === fresh.length) folds.forEach((fold, at) => { fresh[at].open = fold.open; });
}

function markStale(region, ended) {
  const words = `${ended ?? "This changed"} while you were writing. Your text is kept; nothing has been sent.`;
  if (ended) for (const button of region.querySelectorAll("[type=submit]")) button.disabled = true;
  const place = region.querySelector("form")?.closest("section, .desk") ?? region;
  const note = byId("stale") ?? place.insertAdjacentElement("afterbegin",
    Object.assign(document.createElement("p"), { id: "stale", className: "stale notice" }));
  if (note.textContent.startsWith(words)) return;
  note.replaceChildren(words, " ", Object.assign(document.createElement("a"), { href: location.href, textContent: "Show the new version" }));
  region.dataset.stale = "";
  byId("announce-now")?.replaceChildren(words);
}

// One polite sentence for everything that arrived within two seconds.
function announce(count) {
  told += count;
  clearTimeout(telling);
  telling = setTimeout(() => {
    byId("announce")?.replaceChildren(told === 1 ? "1 new ticket" : `${told} new tickets`);
    document.dispatchEvent(new CustomEvent("countersign:news", { detail: { count: told } }));
    told = 0;
  }, MERGE);
}

document.addEventListener("htmx:wsBeforeMessage", (event) => {
  event.preventDefault();
  isOpen = true; // a socket that says nothing is no sign of life: its server may have lost the database
  apply(event.detail.message);
});
document.addEventListener("htmx:wsOpen", () => { isNew = true; });
document.addEventListener("htmx:wsClose", (event) => {
  if (isOpen) lost = Date.now();
  isOpen = false;
  signedOut ||= event.detail.event.code === 4401;
  showState();
});
document.addEventListener("countersign:returns", relist); // what was put off is due again
addEventListener("online", catchUp);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) hiddenAt = Date.now();
  else if (hiddenAt && Date.now() - hiddenAt > HIDDEN) catchUp();
});
setInterval(showState, 1_000);
// A step of a graph is announced to nobody: while a run moves, its page looks for itself.
setInterval(() => { if (!document.hidden && document.querySelector("[data-moving]")) soon(); }, MOVING);

// Keeps an open page true. Socket and catch-up bring the same fragments: rows (rows.js) and marks for what is to
// be fetched again. Data in: #live-socket[data-since], [data-live-region], [data-moving], template#say-….

import * as rows from "./rows.js";

const { find, findAll, on, trigger } = htmx;
const QUIET = 45_000, GRACE = 5_000, POLL = 30_000, MERGE = 2_000, MOVING = 3_000, SOON = 150;
const words = (name) => find(`#say-${name}`).content.cloneNode(true);
const parse = (html) => new DOMParser().parseFromString(html, "text/html");
const status = find("#live-status");

let since = Number(find("#live-socket").dataset.since);
let isOpen = false, isNew = false, signedOut = false;
let heard = Date.now(), lost = heard, polled = heard;
let told = 0, telling, looking, recounting;

// Spread, so that not all return at once.
htmx.config.wsReconnectDelay = (attempt) => 500 + Math.random() * Math.min(4_500, 500 * 2 ** attempt);

function say(state) {
  if (status.dataset.state !== state) status.replaceChildren(words(state));
  status.dataset.state = state;
  status.querySelector("time")?.replaceChildren(new Date(heard).toISOString().slice(11, 16));
}

function showState() {
  const now = Date.now();
  if (signedOut) return say("offline");
  if (isOpen && now - heard < QUIET) return say("live");
  if (isOpen || now - lost >= QUIET) say("stale");
  else if (now - lost >= GRACE) say("reconnecting");
  if (now - polled >= POLL) catchUp();
}

function apply(html) {
  const content = parse(html).body;
  const seq = Number(find(content, "#live-beat:last-child")?.dataset.seq ?? since);
  const { news, hasRows, isUnclear } = rows.take(content);
  if (isNew && seq > since) catchUp();
  else since = Math.max(since, seq);
  isNew = false;
  if (news) announce(news);
  if (hasRows) recount();
  const isNudged = [...content.children].some(({ id }) => id.endsWith("-live") && document.getElementById(id));
  if (isNudged || isUnclear || looking) look(); // what is on its way may lack it
  showState();
}

async function get(url) {
  const answer = await fetch(url, { cache: "no-store" });
  signedOut ||= answer.redirected && answer.url.includes("/accounts/login/");
  if (signedOut || !answer.ok) throw new Error(url);
  return answer.text();
}

// What fails the next beat or poll tries again.
function catchUp() {
  polled = Date.now();
  get(`/inbox/changes/?since=${since}`).then(apply).catch(showState);
}

// Nudges make one request, after an answer on its way.
function look() {
  clearTimeout(looking);
  looking = setTimeout(() => find(".htmx-request") ? look() : refresh().catch(showState).finally(() => { looking = 0; }), SOON);
}

// Not by all pages at once.
function recount() {
  recounting ??= setTimeout(() => {
    recounting = undefined;
    if (document.hidden) return;
    trigger("body", "recount");
    if (find("[data-unclear]")) look();
  }, MERGE * (0.5 + Math.random()));
}

// What depends on the reader is fetched, and never put under typing.
async function refresh() {
  const here = find("#ticket"), fresh = parse(await get(location.href)), side = find("[data-source][data-unclear]");
  const list = side ? parse(await get(side.dataset.source)) : fresh;
  if (here !== find("#ticket")) return look(); // a decision came first
  document.title = fresh.title;
  rows.merge(list);
  const ended = find(fresh, "#ended")?.textContent, isSame = find(fresh, `[data-version="${here?.dataset.version}"]`);
  for (const region of findAll("[data-live-region]")) {
    const now = fresh.getElementById(region.id);
    if (now) keepTouched(region, now);
    if (now ? region.isEqualNode(now) : !ended) continue;
    if (now && !isBusy(region)) htmx.swap(region, unstyled(now), { swapStyle: "outerHTML" });
    else if (!now || !isSame || !find(region, "[data-unsaved]")) markStale(region, ended);
  }
}

// A field dragged larger has a style, and nobody may write one into a page.
function unstyled(now) {
  for (const one of findAll(now, "[style]")) one.removeAttribute("style");
  return now.outerHTML;
}

// What was drawn again, opened or typed here is no change.
function keepTouched(region, now) {
  const tokens = "[name=csrfmiddlewaretoken]";
  for (const field of findAll(now, tokens)) field.setAttribute("value", find(tokens).value);
  for (const mine of findAll(region, "textarea[name=message]")) find(now, `#${mine.id}`)?.replaceWith(mine.cloneNode(true));
  for (const { id, open } of findAll(region, "details[id]")) {
    find(now, `#${CSS.escape(id)}`)?.toggleAttribute("open", open);
  }
}

const FIELDS = "form :is(input:not([type=hidden]), textarea, select)";
const isTyped = (field) => field.checked !== field.defaultChecked || (field.options
  ? [...field.selectedOptions].some((option) => !option.defaultSelected)
  : field.value !== field.defaultValue);
const isBusy = (region) =>
  find(region, `dialog[open], [data-unsaved], [data-restored], ${FIELDS}:focus`) || [...findAll(region, FIELDS)].some(isTyped);

function markStale(region, ended) {
  if (ended) for (const button of findAll(region, "[type=submit]")) button.disabled = true;
  if (!find("#stale")) (find(region, "form")?.closest("section, .desk") ?? region).prepend(words("changed"));
  const what = find("#stale strong"), said = ended ?? "This changed";
  if (what.textContent === said) return;
  what.textContent = said;
  find("#announce-now").textContent = find("#stale").textContent;
}

// One sentence for two seconds.
function announce(count) {
  told += count;
  clearTimeout(telling);
  telling = setTimeout(() => {
    const words = `${told} new ticket${told > 1 ? "s" : ""}`;
    find("#announce").textContent = words;
    trigger("body", "countersign:news", { words });
    told = 0;
  }, MERGE);
}

on("htmx:wsBeforeMessage", (event) => {
  event.preventDefault();
  isOpen = true; // a socket that says nothing is no sign of life: its server may have lost the database
  heard = Date.now();
  apply(event.detail.message);
});
on("htmx:wsOpen", () => { isNew = true; });
on("htmx:wsClose", ({ detail }) => {
  if (isOpen) lost = Date.now();
  isOpen = false;
  signedOut ||= detail.event.code === 4401;
  showState();
});
on("countersign:returns", look); // what was put off is due again
on(window, "online", catchUp);
on(document, "visibilitychange", () => document.hidden || (Date.now() - heard > QUIET ? catchUp() : recount()));
setInterval(showState, 1_000);
// A step of a graph is announced to nobody.
setInterval(() => document.hidden || (find("[data-moving]") && look()), MOVING);

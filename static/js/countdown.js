// Keeps times true. To the server's clock only the time that has passed here is added: this one may be wrong.

const { find, findAll, trigger } = htmx;
const HOUR = 3600, SOON = HOUR / 2, URGENT = HOUR / 12;
const served = Date.parse(find("meta[name=server-time]").content) - performance.now();
const since = (moment) => (served + performance.now() - Date.parse(moment)) / 1000;

// The same words as approvals/wording.py: a test compares them.
export function span(length) {
  const seconds = Math.max(0, Math.floor(length)), minutes = Math.floor(seconds / 60);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < HOUR) return `${minutes} min`;
  if (seconds < 6 * HOUR) return two(Math.floor(minutes / 60), "h", minutes % 60, "min");
  const hours = Math.round(seconds / HOUR), days = Math.floor(hours / 24);
  return days < 2 ? `${hours} h` : two(days, "days", days < 7 ? hours % 24 : 0, "h");
}

const two = (large, unit, small, fraction) => `${large} ${unit}${small ? ` ${small} ${fraction}` : ""}`;

function write(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

function tick() {
  for (const time of findAll("time[data-countdown]")) {
    const left = -since(time.dateTime), frame = time.closest("[data-deadline]");
    write(time, left > 0 ? `in ${span(left)}` : time.dataset.then ?? `${span(-left)} ago`);
    const how = left <= 0 ? "over" : left < URGENT ? "urgent" : left < SOON ? "soon" : "calm";
    if (frame) frame.className = `deadline deadline--${how}`;
  }
  for (const time of findAll("time[data-ago]")) {
    const past = since(time.dateTime);
    write(time, past < 60 ? "just now" : `${span(past)} ago`);
  }
  for (const claim of findAll("[data-lapses]")) claim.hidden = since(claim.dataset.lapses) >= 0;
  const returns = find("[data-returns]");
  if (returns && since(returns.dataset.returns) >= 1) {
    returns.remove();
    trigger("body", "countersign:returns");
  }
}

tick();
setInterval(tick, 1_000);

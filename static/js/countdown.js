// Keeps relative times true while the page stays open. The server wrote the first words; from then on only
// the time that has passed here is added, so a wrong clock on this machine does not matter.
const SOON = 30 * 60, URGENT = 5 * 60;
const MINUTE = 60, HOUR = 3600;

const served = Date.parse(document.querySelector("meta[name='server-time']")?.content ?? "") || Date.now();
const loaded = performance.now();

function now() {
  return served + (performance.now() - loaded);
}

// The same words as approvals/wording.py: a test compares them.
export function span(length) {
  const seconds = Math.max(0, Math.floor(length));
  if (seconds < MINUTE) return `${seconds} s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  if (seconds < 6 * HOUR) return two(Math.floor(seconds / HOUR), "h", Math.floor((seconds % HOUR) / MINUTE), "min");
  const hours = Math.floor((seconds + HOUR / 2) / HOUR);
  const days = Math.floor(hours / 24);
  return days < 2 ? `${hours} h` : two(days, "days", days < 7 ? hours % 24 : 0, "h");
}

function two(large, unit, small, fraction) {
  return small ? `${large} ${unit} ${small} ${fraction}` : `${large} ${unit}`;
}

function write(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

function tick() {
  for (const time of document.querySelectorAll("time[data-countdown]")) {
    const left = (Date.parse(time.dateTime) - now()) / 1000;
    write(time, left > 0 ? `in ${span(left)}` : time.dataset.then ?? `${span(-left)} ago`);
    const frame = time.closest("[data-deadline]");
    frame?.classList.toggle("deadline--urgent", left > 0 && left < URGENT);
    frame?.classList.toggle("deadline--soon", left >= URGENT && left < SOON);
  }
  for (const claim of document.querySelectorAll("[data-lapses]")) claim.hidden = Date.parse(claim.dataset.lapses) <= now();
  const returns = document.querySelector("[data-returns]");
  if (returns && Date.parse(returns.dataset.returns) + 1_000 <= now()) {
    delete returns.dataset.returns;
    returns.hidden = true;
    document.dispatchEvent(new Event("countersign:returns"));
  }
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const past = (now() - Date.parse(time.dateTime)) / 1000;
    write(time, past >= MINUTE ? `${span(past)} ago` : "just now");
  }
}

tick();
setInterval(tick, 1_000);

// Keeps relative times true while the page stays open. The server wrote the first words; from then on only
// the time that has passed here is added, so a wrong clock on this machine does not matter.
const SOON = 30 * 60;
const URGENT = 5 * 60;
const UNITS = [[86400, "day", "days"], [3600, "h", "h"], [60, "min", "min"], [1, "s", "s"]];

const served = Date.parse(document.querySelector("meta[name='server-time']")?.content ?? "") || Date.now();
const loaded = performance.now();

function now() {
  return served + (performance.now() - loaded);
}

function span(seconds) {
  const found = [];
  let rest = Math.max(0, Math.floor(seconds));
  for (const [size, one, many] of UNITS) {
    const count = Math.floor(rest / size);
    rest %= size;
    if (count && !(size === 1 && seconds > URGENT)) found.push(`${count} ${count === 1 ? one : many}`);
    else if (found.length) break;
  }
  return found.slice(0, 2).join(" ") || "0 s";
}

function write(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

function tick() {
  let next = 60;
  for (const time of document.querySelectorAll("time[data-countdown]")) {
    const left = (Date.parse(time.dateTime) - now()) / 1000;
    write(time, left > 0 ? `in ${span(left)}` : `${span(-left)} ago`);
    const frame = time.closest("[data-deadline]");
    frame?.classList.toggle("deadline--urgent", left > 0 && left < URGENT);
    frame?.classList.toggle("deadline--soon", left >= URGENT && left < SOON);
    if (left > 0 && left < URGENT + 60) next = 1;
  }
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const past = (now() - Date.parse(time.dateTime)) / 1000;
    write(time, past >= 60 ? `${span(past)} ago` : "just now");
  }
  setTimeout(tick, next * 1000);
}

tick();

// Tells of new tickets while a page is open but not looked at: their number and nothing that is in them.
// Data in: the document event countersign:news {count}. Asked for on the settings page, never by itself.

const ASKED = "notify";
const button = document.getElementById("notify");
const isOn = () => "Notification" in window && Notification.permission === "granted" && localStorage.getItem(ASKED) === "on";

function show() {
  document.getElementById("notifying").hidden = !("Notification" in window);
  button.textContent = isOn() ? "Stop notifying me" : "Notify me in this browser";
}

async function toggle() {
  if (isOn()) localStorage.removeItem(ASKED);
  else if (await Notification.requestPermission() === "granted") localStorage.setItem(ASKED, "on");
  else document.getElementById("notified").textContent = "The browser does not allow it; its own settings can.";
  show();
}

document.addEventListener("countersign:news", ({ detail }) => {
  if (!isOn() || !document.hidden) return;
  const words = detail.count === 1 ? "1 new ticket waits for you" : `${detail.count} new tickets wait for you`;
  const note = new Notification("Countersign", { body: words, tag: "countersign-news" });
  note.addEventListener("click", () => { focus(); location.assign("/"); });
});
if (button) {
  button.addEventListener("click", toggle);
  show();
}

// Tells whoever asked for it of new tickets while no page is looked at: how many, and nothing that is in them.

const { find, on } = htmx;
const isOn = () => window.Notification?.permission === "granted" && localStorage.notify === "on";

function show() {
  find("#notifying").hidden = !window.Notification;
  find("#notify").ariaPressed = isOn();
}

async function toggle() {
  const answer = isOn() ? "off" : await Notification.requestPermission();
  localStorage.notify = answer === "granted" ? "on" : "off";
  find("#notified").hidden = answer !== "denied";
  show();
}

on("countersign:news", ({ detail }) => {
  if (!isOn() || !document.hidden) return;
  const note = new Notification("Countersign", { body: `${detail.words} for you`, tag: "countersign-news" });
  note.onclick = () => { focus(); location.assign("/"); };
});
if (find("#notify")) {
  on("#notify", "click", toggle);
  show();
}

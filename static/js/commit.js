// Ctrl or Command and Enter send the form one is typing in, unless what it does cannot be undone.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.repeat || event.isComposing) return;
  const form = event.target.closest?.("#ticket form");
  if (form && !form.querySelector("[name=confirm]") && !form.closest(".panel--critical")) form.requestSubmit();
});

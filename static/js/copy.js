// Copies the text of the element that a button names. Data in: button[data-copy].

for (const button of htmx.findAll("[data-copy]")) {
  button.hidden = !navigator.clipboard;
  button.onclick = async () => {
    await navigator.clipboard.writeText(htmx.find(`#${button.dataset.copy}`).textContent);
    button.textContent = "Copied";
  };
}

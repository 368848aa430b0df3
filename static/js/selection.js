// Says how many tickets are selected. Selecting itself is plain HTML, and so is what follows from it.

const form = document.getElementById("selection");

function tell() {
  const count = document.querySelectorAll("input[form=selection]:checked").length;
  document.getElementById("selected").textContent = count === 1 ? "1 selected" : `${count} selected`;
}

if (form) {
  document.addEventListener("change", tell);
  form.addEventListener("reset", () => setTimeout(tell));
  tell(); // a page that comes back from the history keeps its boxes
}

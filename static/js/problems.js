// What htmx cannot say by itself: no answer came, or an error that is not ours, such as a proxy's page.
// Every error of ours names its place in HX-Retarget; whatever else fails is told above the page, which stays.

function tell(words) {
  const place = document.getElementById("problem");
  const notice = Object.assign(document.createElement("div"), { className: "notice notice--danger", role: "alert" });
  const again = Object.assign(document.createElement("a"), { href: location.href, textContent: "Load the page again" });
  notice.append(`${words} `, again, ": it shows whether your decision was recorded.");
  place?.replaceChildren(notice);
  place?.scrollIntoView({ block: "start" });
}

const isQuiet = ({ detail }) => detail.elt.matches("[data-quiet]"); // nobody asked for it
document.addEventListener("htmx:beforeRequest", (event) => isQuiet(event) || document.getElementById("problem")?.replaceChildren());
document.addEventListener("htmx:sendError", (event) => isQuiet(event) || tell("No answer came."));
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.xhr.status < 400 || detail.xhr.getResponseHeader("HX-Retarget")) return;
  detail.shouldSwap = false;
  if (isQuiet({ detail: detail.requestConfig })) return;
  tell(`The answer was an error (${detail.xhr.status}).`);
});

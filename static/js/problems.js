// No answer came, or an error that is not ours, such as a proxy's page: ours name their place in HX-Retarget.

const { find, on } = htmx;
const place = find("#problem");
const isQuiet = ({ elt }) => elt.matches("[data-quiet]"); // nobody asked for it

function tell(words) {
  place.replaceChildren(find("#say-problem").content.cloneNode(true));
  find(place, "strong").append(words);
  place.scrollIntoView();
}

on("htmx:beforeRequest", ({ detail }) => isQuiet(detail) || place.replaceChildren());
on("htmx:sendError", ({ detail }) => isQuiet(detail) || tell("No answer came."));
on("htmx:beforeSwap", ({ detail }) => {
  if (detail.xhr.status < 400 || detail.xhr.getResponseHeader("HX-Retarget")) return;
  detail.shouldSwap = false;
  if (!isQuiet(detail.requestConfig)) tell(`The answer was an error (${detail.xhr.status}).`);
});

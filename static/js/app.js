// What every page gets: htmx for quick pages, and the behaviours below. Pages work without it.
import htmx from "htmx.org";
import "./lib/behaviours.js";

window.htmx = htmx;
htmx.config.includeIndicatorStyles = false;
htmx.config.allowEval = false;
document.addEventListener("htmx:configRequest", (event) => {
  const token = document.querySelector('meta[name="csrf-token"]');
  if (token) event.detail.headers["X-CSRFToken"] = token.content;
});

// What every page gets: htmx for quick pages, Alpine's CSP build for small states, and the behaviours below. Pages work without it.
import htmx from "htmx.org";
import Alpine from "@alpinejs/csp";
import "./lib/behaviours.js";

window.htmx = htmx;
htmx.config.includeIndicatorStyles = false;
htmx.config.allowEval = false;
htmx.config.inlineScriptNonce = "";
document.addEventListener("htmx:configRequest", (event) => {
  const token = document.querySelector('meta[name="csrf-token"]');
  if (token) event.detail.headers["X-CSRFToken"] = token.content;
});

window.Alpine = Alpine;
Alpine.start();

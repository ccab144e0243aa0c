// Small behaviours by data attributes, so that markup stays plain HTML. They listen on the document: fragments swapped in later work too.

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-open], [data-close], [data-dismiss], [data-copy], [data-print], [data-submit]");
  // A details menu closes when something else is touched.
  for (const menu of document.querySelectorAll("details.menu-sheet[open]")) if (!menu.contains(event.target)) menu.open = false;
  if (!target) return;
  if (target.dataset.open) {
    const dialog = document.getElementById(target.dataset.open);
    if (dialog && dialog.showModal) {
      event.preventDefault();
      dialog.showModal();
    }
  } else if ("close" in target.dataset) {
    const dialog = target.closest("dialog");
    if (dialog) {
      event.preventDefault();
      dialog.close();
    }
  } else if ("dismiss" in target.dataset) {
    target.closest("[data-dismissable]")?.remove();
  } else if (target.dataset.copy) {
    navigator.clipboard?.writeText(target.dataset.copy).then(() => target.setAttribute("data-copied", ""));
  } else if ("print" in target.dataset) {
    window.print();
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu-sheet[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// A filter form sends itself when a choice changes; without script its button does it.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-auto]");
  if (form) form.requestSubmit();
});

// One click is one request: the button rests while its form is on its way.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  if (form.method === "post") {
    form.dataset.sent = "yes";
    window.setTimeout(() => delete form.dataset.sent, 4000);
  }
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// Files dropped on a file-drop land in its input.
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    const drop = event.target.closest?.(".file-drop");
    if (!drop) return;
    event.preventDefault();
    drop.toggleAttribute("data-over", kind === "dragover");
    if (kind === "drop") {
      const input = drop.querySelector('input[type="file"]');
      input.files = event.dataTransfer.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    }
  });
}

// Focus the summary of a form's errors, so that it is read first.
document.querySelector(".error-summary")?.focus();

// Where a form asks for the place of the phone, fill it on request and say what happened.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-locate]");
  const form = button?.closest("form");
  if (!form?.querySelector("[name=latitude]")) return;
  event.preventDefault();
  const said = form.querySelector("[data-locate-status]");
  const say = (text) => said && (said.textContent = text);
  if (!navigator.geolocation) return say(button.dataset.failed);
  say(button.dataset.waiting);
  navigator.geolocation.getCurrentPosition(
    (place) => {
      form.querySelector("[name=latitude]").value = place.coords.latitude.toFixed(6);
      form.querySelector("[name=longitude]").value = place.coords.longitude.toFixed(6);
      const accuracy = form.querySelector("[name=accuracy]");
      if (accuracy) accuracy.value = Math.round(place.coords.accuracy);
      say(button.dataset.done);
      if ("locateSubmit" in button.dataset) form.requestSubmit(button);
    },
    () => say(button.dataset.failed),
    { enableHighAccuracy: true, timeout: 10000 },
  );
});

// "Nearest to me": asks the device for its place, rounds it to about 100 m, and sends it with the search. Nothing is kept.
const button = document.querySelector("[data-locate]");
const field = document.querySelector("[data-near]");
if (button && field && navigator.geolocation) {
  button.hidden = false;
  button.addEventListener("click", () => {
    button.disabled = true;
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        field.value = `${coords.longitude.toFixed(3)},${coords.latitude.toFixed(3)}`;
        field.form.requestSubmit();
      },
      () => {
        button.disabled = false;
        button.after(Object.assign(document.createElement("p"), { className: "field-error", role: "alert", textContent: button.dataset.refused }));
        button.remove();
      },
      { timeout: 10000, maximumAge: 300000 },
    );
  });
}

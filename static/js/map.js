// A map of the city's districts with pins; loaded only by pages that have one. The list beside it says the same in words.
import L from "leaflet";

for (const box of document.querySelectorAll("[data-map]")) draw(box);

async function draw(box) {
  const map = L.map(box, { scrollWheelZoom: false, attributionControl: Boolean(box.dataset.tiles) });
  if (box.dataset.tiles) L.tileLayer(box.dataset.tiles, { attribution: box.dataset.attribution || "" }).addTo(map);
  map.setView([30.66, 104.06], 9);
  const bounds = L.latLngBounds([]);
  const pins = JSON.parse(box.dataset.pins || "[]");
  for (const pin of pins) {
    if (pin.latitude == null || pin.longitude == null) continue;
    const mark = document.createElement("span");
    mark.textContent = pin.label || "";
    const icon = L.divIcon({ className: "", html: pinShape(mark), iconSize: [28, 28], iconAnchor: [14, 34] });
    const marker = L.marker([pin.latitude, pin.longitude], { icon, title: pin.title, alt: pin.title, keyboard: true }).addTo(map);
    if (pin.url) marker.on("click keypress", () => (window.location.href = pin.url));
    bounds.extend([pin.latitude, pin.longitude]);
  }
  const pick = box.dataset.pick && document.getElementById(box.dataset.pick);
  if (pick) picker(map, box, pick, bounds);
  if (bounds.isValid()) map.fitBounds(bounds.pad(0.2), { maxZoom: box.dataset.tiles ? 14 : 11 });
  if (!box.dataset.areas) return;
  const answer = await fetch(box.dataset.areas);
  if (!answer.ok) return;
  const layer = L.geoJSON(await answer.json(), {
    className: "map-area",
    onEachFeature: (feature, area) => area.bindTooltip(feature.properties.name, { permanent: true, direction: "center", className: "map-label" }),
  }).addTo(map);
  layer.bringToBack();
  map.on("zoomend", () => tidy(layer));
  tidy(layer);
  if (!bounds.isValid()) map.fitBounds(layer.getBounds());
}

/** Names that would lie on one another give way: the first drawn stays. The list beside the map has them all. */
function tidy(layer) {
  const kept = [];
  layer.eachLayer((area) => {
    const name = area.getTooltip().getElement();
    if (!name) return;
    name.hidden = false;
    const box = name.getBoundingClientRect();
    name.hidden = kept.some((one) => box.left < one.right && one.left < box.right && box.top < one.bottom && one.top < box.bottom);
    if (!name.hidden) kept.push(box);
  });
}

function pinShape(inner) {
  const pin = document.createElement("div");
  pin.className = "map-pin";
  pin.append(inner);
  return pin;
}

/** A touch on the map fills the form's longitude and latitude. */
function picker(map, box, form, bounds) {
  const [lat, lng] = ["latitude", "longitude"].map((name) => form.querySelector(`[name=${name}]`));
  let marker = null;
  const put = (at) => {
    marker?.remove();
    // The pin only shows the place; the fields beside the map hold it, so it is no button.
    const icon = L.divIcon({ className: "", html: pinShape(document.createElement("span")), iconSize: [28, 28], iconAnchor: [14, 34] });
    marker = L.marker(at, { icon, interactive: false, keyboard: false });
    marker.addTo(map);
  };
  if (lat.value && lng.value) {
    put([Number(lat.value), Number(lng.value)]);
    bounds.extend([Number(lat.value), Number(lng.value)]);
  }
  map.on("click", (event) => {
    lat.value = event.latlng.lat.toFixed(6);
    lng.value = event.latlng.lng.toFixed(6);
    put(event.latlng);
  });
}

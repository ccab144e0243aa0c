// Scan a QR code with the camera where the browser can (BarcodeDetector); otherwise the page's text field is there to type into.
// Markup: <div data-scan="ID of the input"> with a hidden <video> and a hidden <button>.

for (const box of document.querySelectorAll("[data-scan]")) prepare(box);

async function prepare(box) {
  const able = "BarcodeDetector" in window && navigator.mediaDevices?.getUserMedia;
  if (!able || !(await BarcodeDetector.getSupportedFormats()).includes("qr_code")) return;
  const button = box.querySelector("button");
  const video = box.querySelector("video");
  button.hidden = false;
  button.addEventListener("click", async () => {
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch {
      box.querySelector("[data-scan-status]").textContent = box.dataset.refused;
      return;
    }
    video.hidden = false;
    video.srcObject = stream;
    await video.play();
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    const stop = () => {
      for (const track of stream.getTracks()) track.stop();
      video.hidden = true;
    };
    const look = async () => {
      if (video.hidden) return;
      const [found] = await detector.detect(video);
      if (!found) return requestAnimationFrame(look);
      stop();
      take(box, found.rawValue);
    };
    look();
  });
}

/** A code of ours is either six digits or an address of this site that carries them. */
function take(box, value) {
  const input = document.getElementById(box.dataset.scan);
  try {
    const url = new URL(value);
    if (url.origin === window.location.origin) {
      window.location.href = url.href;
      return;
    }
  } catch {
    // not an address: it is the code itself
  }
  input.value = value.trim();
  input.form.requestSubmit();
}

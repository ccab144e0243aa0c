// The day without a network: the leader's screen and the volunteer's page go on by what they took along, and send it when they are back.
// Where the browser cannot (no service worker, no IndexedDB), the pages are as they are without this script.
import { FILES, KEEP, PAGES, notes } from "./lib/dead_spot.js";
import { Connection } from "./lib/connection.js";

const root = document.querySelector("[data-day]");
/** The page's own address: after a refused code it stands at that of the form. */
const own = root && root.dataset.day + (root.dataset.side === "leader" ? "screen/" : "");
const able = "serviceWorker" in navigator && "indexedDB" in window && "caches" in window;
if (root && able) start();

async function start() {
  const connection = new Connection(root.dataset.day, { changed, sent });
  const part = root.dataset.side === "leader" ? leaderSide(connection) : volunteerSide(connection);

  async function changed(state, before) {
    for (const one of document.querySelectorAll("[data-when]")) one.hidden = one.dataset.when !== state;
    await paint();
    if (state === "here" && before === "away") part.back();
  }

  async function sent(answers) {
    await paint();
    part.sent(answers);
  }

  async function paint() {
    const waiting = await connection.waiting();
    list(waiting, connection, paint);
    part.paint(waiting.filter((note) => note.activity === connection.activity));
  }

  part.listen(paint);
  await connection.start();
  await keepPage();
}

/** Registers the worker; the first visit is not yet under its control, so the page and its files are kept from here. */
async function keepPage() {
  try {
    await navigator.serviceWorker.register(root.dataset.worker, { scope: "/" });
    await navigator.serviceWorker.ready;
    const files = await caches.open(FILES);
    const named = [...document.querySelectorAll("link[href], script[src]")].map((one) => one.href || one.src);
    const loaded = performance.getEntriesByType("resource").map((entry) => entry.name);
    const wanted = new Set([...named, ...loaded].map((name) => name.split("#")[0]).filter((name) => name.startsWith(location.origin + "/static/")));
    for (const name of wanted) if (!(await files.match(name))) await files.add(name);
    const pages = await caches.open(PAGES);
    if (await pages.match(own)) return;
    const response = await fetch(own, { redirect: "manual" });
    if (response.ok && response.headers.get(KEEP) === "keep") await pages.put(own, response);
  } catch {
    // Away already, or the device keeps nothing: the page goes on without being kept.
  }
}

/** What waits, and what was refused, as lines of the page's list. */
function list(waiting, connection, paint) {
  const box = document.querySelector("[data-notes]");
  const line = document.querySelector("template[data-line]");
  box.hidden = waiting.length === 0;
  box.replaceChildren(
    ...waiting.map((note) => {
      const item = line.content.firstElementChild.cloneNode(true);
      const name = note.signUp && document.querySelector(`form[data-tick="${note.signUp}"]`)?.dataset.name;
      item.querySelector("[data-what]").textContent = [name, root.dataset[note.way], clock(note.at)].filter(Boolean).join(" ");
      item.querySelector("[data-waits]").hidden = Boolean(note.refused);
      const refused = item.querySelector("[data-refused]");
      refused.hidden = !note.refused;
      if (note.refused) refused.textContent = note.refused === true ? refused.textContent : note.refused;
      for (const button of item.querySelectorAll("button")) button.hidden = !note.refused;
      item.querySelector("[data-again]").addEventListener("click", async () => {
        const { refused: _, ...again } = note;
        await notes.put(again);
        await connection.look();
        await paint();
      });
      item.querySelector("[data-drop]").addEventListener("click", async () => {
        await notes.remove(note.key);
        await paint();
      });
      return item;
    }),
  );
}

function clock(at) {
  return new Intl.DateTimeFormat("zh-CN", { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: "Asia/Shanghai" }).format(at);
}

/** The volunteer types the code that the leader shows. */
function volunteerSide(connection) {
  const form = document.querySelector("form[data-offline-form]");
  const input = form.querySelector("input");
  const button = form.querySelector("[data-label]");
  let way = root.dataset.next;

  async function take(code, paint) {
    await connection.note(way, `${way}/late/`, { code });
    input.value = "";
    await paint();
  }

  return {
    listen(paint) {
      const scanned = new URLSearchParams(location.search).get("code");
      if (scanned) input.value = scanned;
      form.addEventListener("submit", async (event) => {
        event.preventDefault();
        event.stopImmediatePropagation();
        if (input.value.trim() && connection.kit) await take(input.value.trim(), paint);
      }, true);
      // The form of the page is sent as ever when the server answers; what was typed is not lost when it does not.
      const online = document.querySelector('[data-when="here"] form[action*="/in/"], [data-when="here"] form[action*="/out/"]');
      online?.addEventListener("submit", async (event) => {
        if (!connection.kit) return;
        event.preventDefault();
        event.stopImmediatePropagation();
        const code = online.elements.code.value.trim();
        await connection.look();
        if (connection.state === "here" || !code) {
          if (connection.kit.token) online.elements.csrfmiddlewaretoken.value = connection.kit.token;
          online.submit();
        } else {
          await take(code, paint);
        }
      }, true);
    },
    paint(waiting) {
      const noted = waiting.filter((note) => !note.signUp && !note.refused).map((note) => note.way);
      way = noted.includes("out") ? "" : noted.includes("in") ? "out" : root.dataset.next;
      form.hidden = !way;
      button.textContent = root.dataset[way] ?? "";
    },
    back() {},
    sent(answers) {
      // The page tells the new state; not while somebody types.
      if (answers.some((answer) => answer.ok) && !document.querySelector("input[name=code]")?.value) location.replace(own);
    },
  };
}

/** The leader shows the code of the moment, and ticks people in and out. */
function leaderSide(connection) {
  const refresh = () => {
    const code = document.getElementById("code");
    window.htmx?.ajax("GET", code.getAttribute("hx-get"), { target: "#code", swap: "outerHTML" });
    document.body.dispatchEvent(new Event("people-changed"));
  };

  function show() {
    if (connection.state !== "away" || !connection.kit) return;
    const { begin, step, codes } = connection.kit;
    const code = codes[Math.floor((connection.now() - begin) / step)];
    document.querySelector("#code .big-code").textContent = code ?? "······";
    const qr = document.querySelector("#code .qr");
    if (qr) qr.hidden = true;
    for (const one of document.querySelectorAll("#code [data-clock]")) one.textContent = clock(connection.now());
  }

  async function tick(form, paint) {
    const { tick: signUp, way } = form.dataset;
    await connection.note(way, `people/${signUp}/${way}/late/`, { signUp });
    await paint();
  }

  return {
    listen(paint) {
      document.addEventListener("submit", async (event) => {
        const form = event.target.closest("form[data-tick]");
        if (!form || connection.state !== "away" || !connection.kit) return;
        event.preventDefault();
        event.stopImmediatePropagation();
        await tick(form, paint);
      }, true);
      document.body.addEventListener("htmx:sendError", async (event) => {
        const form = event.detail.elt.closest("form[data-tick]");
        if (form && connection.kit) await tick(form, paint);
        await connection.look();
      });
      document.body.addEventListener("htmx:afterSettle", paint);
      window.setInterval(show, 1000);
    },
    paint(waiting) {
      show();
      for (const form of document.querySelectorAll("form[data-tick]")) {
        const noted = waiting.filter((note) => note.signUp === form.dataset.tick && !note.refused).map((note) => note.way);
        form.dataset.was ??= form.dataset.way;
        form.dataset.way = noted.includes("in") ? "out" : form.dataset.was;
        form.hidden = noted.includes("out");
        form.querySelector("[data-label]").textContent = root.dataset[form.dataset.way];
      }
    },
    back: refresh,
    sent: refresh,
  };
}

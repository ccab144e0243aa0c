// Whether the server can be reached and knows us, and sending what waits. Three states: "here", "away", "signed-out".
import { kits, notes } from "./dead_spot.js";

const PATIENCE = 4000;
const RETRY = 15000;

export class Connection {
  /** `base` is the address of the day, "/day/5/"; `changed` is told of each new state, `sent` of what the server said. */
  constructor(base, { changed, sent }) {
    this.base = base;
    this.activity = Number(base.match(/\d+/)[0]);
    this.state = "here";
    this.kit = undefined;
    this.changed = changed;
    this.sent = sent;
  }

  async start() {
    this.kit = await kits.get(this.activity);
    await this.look();
    window.addEventListener("online", () => this.look());
    window.addEventListener("offline", () => this.look());
    window.setInterval(async () => {
      if (this.state !== "here" || (await this.waiting()).length) this.look();
    }, RETRY);
  }

  /** The present by the server's clock, in milliseconds. */
  now() {
    return Date.now() - (this.kit?.skew ?? 0);
  }

  /** Asks the server; sends what waits when it answers. */
  async look() {
    const asked = Date.now();
    let response;
    try {
      response = await ask(`${this.base}offline/`);
    } catch {
      return this.become("away");
    }
    if (response.type === "opaqueredirect" || response.status === 401) return this.become("signed-out");
    if (!response.ok) return this.become(response.status >= 500 ? "away" : "here");
    const kit = await response.json();
    // Half of the way there and back lies between the server's clock and ours.
    kit.skew = Math.round((asked + Date.now()) / 2 - kit.now);
    kit.activity = this.activity;
    this.kit = kit;
    const { token, ...kept } = kit;
    await kits.put(kept);
    await this.become("here");
    await this.send();
  }

  async become(state) {
    const before = this.state;
    this.state = state;
    await this.changed(state, before);
  }

  /** What this person noted, here or at another activity, and has not been sent or was refused. */
  async waiting() {
    return this.kit ? notes.of(this.kit.who) : [];
  }

  /** Notes one sign-in or sign-out. `path` is its address below the day, such as "in/late/". */
  async note(way, path, { code = "", signUp = null } = {}) {
    const { who, ticket, skew } = this.kit;
    const seconds = Math.round(skew / 1000);
    await notes.put({
      key: newKey(),
      activity: this.activity,
      url: this.base + path,
      at: Math.round(this.now()),
      skew: seconds,
      who,
      way,
      ticket,
      code,
      signUp,
    });
  }

  /** One tab at a time; the server writes once whatever is sent twice. */
  async send() {
    if (navigator.locks) await navigator.locks.request("qunli-day", () => this.sendAll());
    else await this.sendAll();
  }

  async sendAll() {
    const told = [];
    for (const note of await this.waiting()) {
      if (note.refused) continue;
      const answer = await this.post(note);
      if (answer === undefined) break;
      told.push(answer);
    }
    if (told.length) await this.sent(told);
  }

  /** The server's answer, or undefined when there was none: then the note stays. */
  async post(note) {
    const body = new URLSearchParams({ key: note.key, at: note.at, skew: note.skew, ticket: note.ticket, code: note.code });
    let response;
    try {
      response = await ask(note.url, { method: "POST", body, headers: { "X-CSRFToken": this.kit.token } });
    } catch {
      await this.become("away");
      return undefined;
    }
    if (response.type === "opaqueredirect" || response.status === 401) {
      await this.become("signed-out");
      return undefined;
    }
    if (response.status >= 500 || response.status === 403 || response.status === 429) return undefined;
    const said = response.headers.get("Content-Type")?.startsWith("application/json") ? (await response.json()).message : "";
    if (response.ok) await notes.remove(note.key);
    else await notes.put({ ...note, refused: said || true });
    return { note, ok: response.ok, said };
  }
}

async function ask(url, options = {}) {
  const controller = new AbortController();
  const timer = window.setTimeout(() => controller.abort(), PATIENCE);
  try {
    return await fetch(url, { redirect: "manual", cache: "no-store", credentials: "same-origin", signal: controller.signal, ...options });
  } finally {
    window.clearTimeout(timer);
  }
}

function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}

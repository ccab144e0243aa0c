// The service worker, served at /sw.js. It keeps the two pages of the day for a dead spot in the network, and no other page.
import { FILES, forget, KEEP, KEPT_FOR, PAGES } from "./lib/dead_spot.js";

const DAY = /^\/day\/\d+\/(screen\/)?$/;
const SIGNING_IN = /^\/accounts\/(sign-in|login)\//;
const SIGNING_OUT = /^\/accounts\/(sign-out|logout)\//;
/** A file whose name carries its digest never changes. */
const DIGEST = /\.[0-9a-f]{12}\./;
/** Milliseconds after which a kept page is shown when the network is there but does not answer. */
const PATIENCE = 4000;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== self.location.origin) return;
  if (request.mode === "navigate") {
    const leaves = request.method === "POST" && SIGNING_OUT.test(url.pathname);
    if (leaves || SIGNING_IN.test(url.pathname)) event.waitUntil(forget());
    else if (request.method === "GET" && DAY.test(url.pathname)) event.respondWith(page(request, url));
  } else if (request.method === "GET" && url.pathname.startsWith("/static/")) {
    event.respondWith(file(request, url));
  }
});

/** The network first; what was kept when it is away. */
async function page(request, url) {
  const kept = await keptPage(url.pathname);
  const answer = fetch(request).then((response) => keep(response, url));
  if (!kept) return answer;
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE));
  return (await Promise.race([answer.catch(() => undefined), late])) ?? kept;
}

async function keptPage(path) {
  const cache = await caches.open(PAGES);
  const kept = await cache.match(path);
  if (kept && Date.now() - Date.parse(kept.headers.get("Date")) > KEPT_FOR) {
    await cache.delete(path);
    return undefined;
  }
  return kept;
}

/** The pages say no-store, for every cache between and for the back button; this one copy the server has allowed by its header. */
async function keep(response, url) {
  const cache = await caches.open(PAGES);
  if (response.ok && response.headers.get(KEEP) === "keep") {
    if (!url.search) await cache.put(url.pathname, response.clone());
  } else if (response.status < 500) {
    await cache.delete(url.pathname);
  }
  return response;
}

async function file(request, url) {
  if (DIGEST.test(url.pathname)) return (await caches.match(request)) ?? fetch(request);
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await caches.match(request);
    if (kept) return kept;
    throw error;
  }
}

// What a device keeps for a dead spot in the network: in IndexedDB what it took along and what waits to be sent, in two caches the pages of
// the day and their files. No names: a note says who by an opaque word. See docs/decisions/dead-spot.md.

export const PAGES = "qunli-day-pages";
export const FILES = "qunli-day-files";
/** Header of a page that may be kept. */
export const KEEP = "X-Qunli-Offline";
export const KEPT_FOR = 24 * 3600 * 1000;

let opened;

function database() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open("qunli-day", 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("kits", { keyPath: "activity" });
      request.result.createObjectStore("notes", { keyPath: "key" });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

async function run(store, mode, verb, ...args) {
  const db = await database();
  return new Promise((resolve, reject) => {
    const transaction = db.transaction(store, mode);
    const request = transaction.objectStore(store)[verb](...args);
    // A note counts as kept when its transaction is on the disk, not before.
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });
}

export const kits = {
  get: (activity) => run("kits", "readonly", "get", activity),
  put: (kit) => run("kits", "readwrite", "put", kit),
};

export const notes = {
  put: (note) => run("notes", "readwrite", "put", note),
  remove: (key) => run("notes", "readwrite", "delete", key),
  /** Those of one person, in the order in which they happened. */
  async of(who) {
    const all = await run("notes", "readonly", "getAll");
    return all.filter((note) => note.who === who).sort((one, other) => one.at - other.at);
  },
};

/** After signing out: nothing of a person stays but notes that were not sent, which say nothing of whom. */
export async function forget() {
  await Promise.all([caches.delete(PAGES), caches.delete(FILES), run("kits", "readwrite", "clear")]);
}

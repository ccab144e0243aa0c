// Builds static/build from static/css, static/js and the installed packages: `npm run build`.
// Nothing third-party is committed: fonts, icons and libraries come from node_modules.

import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, "node_modules");
const target = join(root, "static", "build");
const at = (...parts) => join(modules, ...parts);

rmSync(target, { recursive: true, force: true });
mkdirSync(join(target, "fonts"), { recursive: true });
style();
fonts();
icons();
leaflet();
await scripts();

/** The style sheet: tokens, themes, components; only the classes that templates and forms name. */
function style() {
  const cli = at("@tailwindcss", "cli", "dist", "index.mjs");
  execFileSync(process.execPath, [cli, "-i", "static/css/app.css", "-o", "static/build/app.css", "--minify"], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
  });
}

/**
 * Two families. "Qunli Latin" (33 kB, letters and figures) is always loaded. The Chinese subsets are the last family of the
 * stack: a browser fetches from them only the ranges of a page, and none at all on a machine that has a Chinese font.
 */
function fonts() {
  const source = at("@fontsource-variable", "noto-sans-sc");
  const faces = readFileSync(join(source, "index.css"), "utf8").match(/@font-face \{[^}]*\}/g);
  const latin = [];
  const han = [];
  for (const face of faces) {
    const file = /files\/([\w.-]+\.woff2)/.exec(face)[1];
    const isLatin = /-latin(-ext)?-/.test(file);
    if (!isLatin && !/U\+(3|[4-9]|ff)[0-9a-f]{2,3}/i.test(face.split("unicode-range")[1])) continue;
    cpSync(join(source, "files", file), join(target, "fonts", file));
    const css = face
      .replace(/\.\/files\//, "fonts/")
      .replace("Noto Sans SC Variable", isLatin ? "Qunli Latin" : "Qunli Han")
      .replace(/\s*\n\s*/g, "")
      .replace(/;\s*}/, "}");
    (isLatin ? latin : han).push(css);
  }
  const app = join(target, "app.css");
  writeFileSync(app, latin.join("\n") + "\n" + readFileSync(app, "utf8"));
  writeFileSync(join(target, "han.css"), han.join("\n") + "\n");
  writeFileSync(join(target, "fonts", "LICENSE.txt"), readFileSync(join(source, "LICENSE")));
}

/** One sprite of the icons that templates name, of those in static/icons/names.txt that data name (Lucide, ISC), and of our own. */
function icons() {
  const own = readdirSync(join(root, "static", "icons")).filter((file) => file.endsWith(".svg"));
  const named = new Set(readFileSync(join(root, "static", "icons", "names.txt"), "utf8").split(/\s+/).filter(Boolean));
  for (const file of templates()) {
    for (const [, , name] of readFileSync(file, "utf8").matchAll(/<c-(icon\b[^>]*?\sname|[a-z-]+\b[^>]*?\sicon)="([a-z0-9-]+)"/g)) named.add(name);
  }
  const names = [...named].filter((name) => !own.includes(`${name}.svg`)).sort();
  const symbol = (name, svg) => {
    const inner = svg.replace(/<!--[\s\S]*?-->/g, "").match(/<svg[^>]*>([\s\S]*)<\/svg>/)[1];
    return `<symbol id="${name}" viewBox="0 0 24 24">${inner.replace(/\s*\n\s*/g, "")}</symbol>`;
  };
  const symbols = names.map((name) => {
    const file = at("lucide-static", "icons", `${name}.svg`);
    if (!existsSync(file)) throw new Error(`No icon is called "${name}": look in node_modules/lucide-static/icons.`);
    return symbol(name, readFileSync(file, "utf8"));
  });
  for (const file of own) symbols.push(symbol(file.slice(0, -4), readFileSync(join(root, "static", "icons", file), "utf8")));
  writeFileSync(join(target, "icons.svg"), `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>`);
}

/** Every template of the house. */
function templates() {
  const rooms = readdirSync(join(root, "qunli")).map((room) => join(root, "qunli", room, "templates"));
  return [join(root, "templates"), ...rooms]
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder, { recursive: true }).map((file) => join(folder, file)))
    .filter((file) => file.endsWith(".html"));
}

/** The map's own style sheet and pictures, beside its script. */
function leaflet() {
  cpSync(at("leaflet", "dist", "leaflet.css"), join(target, "leaflet.css"));
  cpSync(at("leaflet", "dist", "images"), join(target, "images"), { recursive: true });
}

async function scripts() {
  const entries = readdirSync(join(root, "static", "js")).filter((name) => name.endsWith(".js"));
  await build({
    absWorkingDir: root,
    entryPoints: entries.map((name) => `static/js/${name}`),
    outdir: "static/build",
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2020",
    legalComments: "none",
    logLevel: "warning",
  });
}

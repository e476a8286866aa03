// Bundles the demos: each module in browser/ that exports a default becomes one file in bundles/, with all that it
// imports. --check writes nothing and fails where a file in bundles/ differs from what would be written.

import { build } from "esbuild";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const [from, to] = [join(here, "browser"), join(here, "bundles")];

const bundles = new Map();
for (const file of (await readdir(from)).filter((name) => name.endsWith(".js"))) {
  if (!/^export default /m.test(await readFile(join(from, file), "utf8"))) continue;
  const entry = `export { default } from "./${file}"; export { alone } from "./alone.js";`;
  const { outputFiles } = await build({
    stdin: { contents: entry, resolveDir: from },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    lineLimit: 200,
  });
  bundles.set(file, outputFiles[0].text);
}

if (process.argv.includes("--check")) {
  const there = await readdir(to).catch(() => []);
  const wrong = [];
  for (const file of new Set([...bundles.keys(), ...there])) {
    const text = there.includes(file) ? await readFile(join(to, file), "utf8") : null;
    if (text !== bundles.get(file)) wrong.push(file);
  }
  if (wrong.length) {
    console.error(`lecture_lib/demos/bundles: not what esbuild makes: ${wrong.join(", ")}; run \`make bundles\``);
    process.exitCode = 1;
  }
} else {
  await rm(to, { recursive: true, force: true });
  await mkdir(to);
  for (const [file, text] of bundles) await writeFile(join(to, file), text);
}

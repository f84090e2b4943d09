// Builds src/redis/lua/scripts.ts from src/redis/lua/*.lua: one `export const` for each script, without comments. `--@include FILE`
// inserts that file of src/redis/lua/shared, at most once into each script.
// With --check it writes nothing, and fails if the committed module is stale.
import { readFileSync, readdirSync, writeFileSync } from "node:fs"

const folder = new URL("../src/redis/lua/", import.meta.url)
const target = new URL("scripts.ts", folder)

/** The lines that are sent with every call: without comments, blank lines and indentation. */
function read(file) {
  return readFileSync(new URL(file, folder), "utf8")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && (!line.startsWith("--") || isInclude(line)))
}

const INCLUDE = "--@include "

const isInclude = (line) => line.startsWith(INCLUDE)

/** A shared file after the files that it includes, in order of dependency, except for those in `known`. */
function withIncludes(file, known) {
  if (known.has(file)) return []
  known.add(file)
  const includes = read(`shared/${file}`).filter(isInclude)
  return [...includes.flatMap((line) => withIncludes(line.slice(INCLUDE.length), known)), file]
}

/** The text of a shared file without its includes. */
function partOf(file) {
  const own = read(`shared/${file}`).filter((line) => !isInclude(line))
  return JSON.stringify(own.map((line) => `${line}\n`).join(""))
}

/** A script's text as a call that a bundler may drop: its own lines, and the names of the included parts. */
function expressionOf(file) {
  const known = new Set()
  const parts = []
  let own = ""
  const add = (part) => {
    if (own !== "") parts.push(JSON.stringify(own))
    own = ""
    if (part !== undefined) parts.push(camelCase(part))
  }
  for (const line of read(file)) {
    if (isInclude(line)) withIncludes(line.slice(INCLUDE.length), known).forEach(add)
    else own += `${line}\n`
  }
  add()
  return `/* @__PURE__ */ join(${parts.join(", ")})`
}

function camelCase(file) {
  return file.replace(/\.lua$/, "").replace(/-(.)/g, (_, letter) => letter.toUpperCase())
}

const luaFiles = (path) =>
  readdirSync(new URL(path, folder))
    .filter((file) => file.endsWith(".lua"))
    .sort()

const parts = luaFiles("shared").map(
  (file) => `/** From shared/${file}. */\nconst ${camelCase(file)} = ${partOf(file)}\n`,
)
const scripts = luaFiles(".").map(
  (file) => `/** From ${file}. */\nexport const ${camelCase(file)} = ${expressionOf(file)}\n`,
)
const module = [
  "// Made from the .lua files beside it by `npm run build`; do not edit.\n",
  'const join = (...parts: string[]) => parts.join("")\n',
  ...parts,
  ...scripts,
].join("\n")

if (process.argv.includes("--check")) {
  let committed = ""
  try {
    committed = readFileSync(target, "utf8")
  } catch {
    // A missing module is a stale one.
  }
  if (committed !== module) {
    console.error("src/redis/lua/scripts.ts is stale: run `npm run build`")
    process.exit(1)
  }
} else {
  writeFileSync(target, module)
}

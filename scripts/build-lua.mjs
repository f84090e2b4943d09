// Turns src/lua/*.lua into src/lua/scripts.ts: comments stripped, one `export const` a script. `--@include FILE` stands
// for that file of src/lua/shared, which is written once and put in wherever it is included.
// With --check it writes nothing and fails when the committed module is stale.
import { readFileSync, readdirSync, writeFileSync } from "node:fs"

const folder = new URL("../src/lua/", import.meta.url)
const target = new URL("scripts.ts", folder)

/** The lines that travel with every call: without comments, blank lines and indentation. */
function read(file) {
  return readFileSync(new URL(file, folder), "utf8")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && (!line.startsWith("--") || line.startsWith(INCLUDE)))
}

const INCLUDE = "--@include "

/** A file's text as an expression: its own lines, and the names of what it includes. */
function expressionOf(file) {
  const parts = []
  let own = ""
  for (const line of read(file)) {
    if (!line.startsWith(INCLUDE)) {
      own += `${line}\n`
      continue
    }
    if (own !== "") parts.push(JSON.stringify(own))
    own = ""
    parts.push(camelCase(line.slice(INCLUDE.length)))
  }
  if (own !== "") parts.push(JSON.stringify(own))
  return parts.join(" + ")
}

function camelCase(file) {
  return file.replace(/\.lua$/, "").replace(/-(.)/g, (_, letter) => letter.toUpperCase())
}

const luaFiles = (path) =>
  readdirSync(new URL(path, folder))
    .filter((file) => file.endsWith(".lua"))
    .sort()

/** Each behind what it includes. */
function inOrder(files) {
  const ordered = []
  const add = (file) => {
    if (ordered.includes(file)) return
    for (const line of read(`shared/${file}`)) {
      if (line.startsWith(INCLUDE)) add(line.slice(INCLUDE.length))
    }
    ordered.push(file)
  }
  files.forEach(add)
  return ordered
}

const parts = inOrder(luaFiles("shared")).map(
  (file) =>
    `/** From shared/${file}. */\nconst ${camelCase(file)} = ${expressionOf(`shared/${file}`)}\n`,
)
const scripts = luaFiles(".").map(
  (file) => `/** From ${file}. */\nexport const ${camelCase(file)} = ${expressionOf(file)}\n`,
)
const module = [
  "// Made from the .lua files beside it by `npm run build`; do not edit.\n",
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
    console.error("src/lua/scripts.ts is stale: run `npm run build`")
    process.exit(1)
  }
} else {
  writeFileSync(target, module)
}

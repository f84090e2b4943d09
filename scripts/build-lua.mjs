// Turns src/lua/*.lua into src/lua/scripts.ts: comments stripped, one `export const` a script, `--@include FILE`
// replaced by that file of src/lua/shared.
// With --check it writes nothing and fails when the committed module is stale.
import { readFileSync, readdirSync, writeFileSync } from "node:fs"

const folder = new URL("../src/lua/", import.meta.url)
const target = new URL("scripts.ts", folder)

function read(file) {
  const source = readFileSync(new URL(file, folder), "utf8")
  return source.replace(/^--@include (.+)$/gm, (_, shared) => read(`shared/${shared}`))
}

/** Drops comment lines, blank lines and indentation: what is left is what travels with every call. */
function strip(source) {
  return source
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("--"))
    .join("\n")
}

function camelCase(file) {
  return file.replace(/\.lua$/, "").replace(/-(.)/g, (_, letter) => letter.toUpperCase())
}

const scripts = readdirSync(folder)
  .filter((file) => file.endsWith(".lua"))
  .sort()
  .map((file) => {
    const code = strip(read(file))
    return `/** From ${file}. */\nexport const ${camelCase(file)} = ${JSON.stringify(code)}\n`
  })
const module = [
  "// Made from the .lua files beside it by `npm run build`; do not edit.\n",
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

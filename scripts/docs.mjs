// Serves, builds or tests the documentation site, which has packages of its own, and installs those first if they are missing.
//
//   node scripts/docs.mjs dev | build | preview | test
import { spawnSync } from "node:child_process"
import { existsSync, statSync } from "node:fs"
import { fileURLToPath } from "node:url"

const ROOT = fileURLToPath(new URL("..", import.meta.url))
const COMMANDS = {
  dev: [["api"], ["vitepress", "dev", "docs"]],
  build: [["api"], ["vitepress", "build", "docs"]],
  preview: [["vitepress", "preview", "docs"]],
  test: [
    ["tsc", "-p", "docs"],
    ["eslint", "docs"],
    ["vitest", "run", "--config", "docs/vitest.config.ts"],
  ],
}

const [command = "", ...rest] = process.argv.slice(2)
const steps = COMMANDS[command]
if (!steps) {
  console.error(`command: must be one of ${Object.keys(COMMANDS).join(", ")}, got "${command}"`)
  process.exit(2)
}

installIfMissing()
for (const [index, step] of steps.entries()) {
  const isLast = index === steps.length - 1
  run(step[0] === "api" ? ["typedoc", "--options", "docs/typedoc.json"] : step, isLast ? rest : [])
}

/** Installs what docs/package-lock.json names, unless that has been done since it was changed. */
function installIfMissing() {
  const [wanted, installed] = ["package-lock.json", "node_modules/.package-lock.json"].map(
    (file) => `${ROOT}/docs/${file}`,
  )
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(wanted).mtimeMs) return
  end(
    spawnSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: `${ROOT}/docs`, stdio: "inherit" }),
  )
}

/** Runs a program of the site's packages, or else of the root's. */
function run([program, ...args], more) {
  const bin = ["docs/node_modules", "node_modules"]
    .map((folder) => `${ROOT}/${folder}/.bin/${program}`)
    .find((file) => existsSync(file))
  if (!bin) throw new Error(`${program}: not installed; run npm ci first`)
  end(spawnSync(bin, [...args, ...more], { cwd: ROOT, stdio: "inherit" }))
}

function end({ status, error }) {
  if (error) throw error
  if (status !== 0) process.exit(status ?? 1)
}

// Builds both packages, unless what was built last is newer than all that it is built from.
import { spawnSync } from "node:child_process"
import { readdirSync, statSync } from "node:fs"

const SOURCES = [
  "src",
  "scripts",
  "package-lock.json",
  "package.json",
  "tsconfig.json",
  "tsconfig.build.json",
  "packages/dev-server/src",
  "packages/dev-server/package.json",
  "packages/dev-server/tsconfig.build.json",
]
/** What each build writes at last. */
const RESULTS = ["dist/cli/page/app.js", "packages/dev-server/dist/index.js"]

const changedAt = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0

/** The folders count, too: a file that was deleted changes only its folder. */
const withContents = (path) =>
  statSync(path).isDirectory()
    ? [path, ...readdirSync(path, { recursive: true }).map((name) => `${path}/${name}`)]
    : [path]

const isFresh =
  Math.min(...RESULTS.map(changedAt)) > Math.max(...SOURCES.flatMap(withContents).map(changedAt))

if (!isFresh)
  process.exitCode = spawnSync("npm", ["run", "build:all"], { stdio: "inherit" }).status ?? 1

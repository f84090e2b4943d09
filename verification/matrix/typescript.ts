// Compiles the packed types with each supported TypeScript, and each way to find packages.
import { execFile } from "node:child_process"
import { copyFile, mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { packInto } from "./packed.js"
import type { Results } from "./suite.js"
import { RESOLUTIONS, type Resolution, tsconfig } from "./typescript-config.js"

const run = promisify(execFile)

/** The newest release of each. 5.0 has no `esnext.disposable`, so it does not check the types. */
const VERSIONS = [
  { version: "5.0", options: { skipLibCheck: true } },
  { version: "5.2", options: {} },
  { version: "5.4", options: {} },
  { version: "5.9", options: {} },
  { version: "latest", options: {} },
] as const

/** Removed in TypeScript 7. */
const isGone = (version: string, resolution: Resolution) =>
  version === "latest" && resolution === "node10"

/** @param folder the folder for the compilers of this run */
export async function compileWithEach(folder: string): Promise<Results> {
  const project = join(folder, "typescript")
  await mkdir(project)
  await writeFile(join(project, "package.json"), `{ "private": true, "type": "module" }`)
  const compilers = VERSIONS.map(({ version }) => `${aliasOf(version)}@npm:typescript@${version}`)
  const packages = [await packInto(project), "@types/node@20", ...compilers]
  await run("npm", ["install", "--no-audit", "--no-fund", ...packages], { cwd: project })
  await copyFile(
    fileURLToPath(new URL("typescript-use.ts", import.meta.url)),
    join(project, "use.ts"),
  )
  const results: Record<string, string | null> = {}
  for (const { version, options } of VERSIONS) {
    for (const resolution of Object.keys(RESOLUTIONS) as Resolution[]) {
      if (isGone(version, resolution)) continue
      await writeFile(
        join(project, "tsconfig.json"),
        JSON.stringify(tsconfig(resolution, ["use.ts"], options)),
      )
      results[`TypeScript ${version}, ${resolution}`] = await compile(project, aliasOf(version))
    }
  }
  return results
}

const aliasOf = (version: string) => `typescript-${version.replace(".", "-")}`

async function compile(project: string, compiler: string): Promise<string | null> {
  const tsc = join(project, "node_modules", compiler, "bin", "tsc")
  try {
    await run(process.execPath, [tsc, "-p", project])
    return null
  } catch (error) {
    return (error as { stdout: string }).stdout
  }
}

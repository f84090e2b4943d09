// Compiles the packed types with each supported TypeScript, and each way to find packages.
import { execFile } from "node:child_process"
import { copyFile, mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { packInto } from "./packed.js"
import type { Results } from "./suite.js"
import { DYNAMIC_IMPORT, PLAIN_IMPORT } from "./typescript-commonjs.js"
import { RESOLUTIONS, type Resolution, tsconfig } from "./typescript-config.js"

const run = promisify(execFile)

/** The newest release of each. */
const VERSIONS = [
  "5.0",
  "5.2",
  "5.3",
  "5.4",
  "5.5",
  "5.6",
  "5.7",
  "5.8",
  "5.9",
  "6.0",
  "latest",
] as const
type Version = (typeof VERSIONS)[number]

const optionsOf = (version: Version, resolution: Resolution) => ({
  // 5.0 has no `esnext.disposable`, so it does not check the types.
  skipLibCheck: version === "5.0",
  ...(version === "6.0" && resolution === "node10" && { ignoreDeprecations: "6.0" }),
})

/** Removed in TypeScript 7. */
const isGone = (version: Version, resolution: Resolution) =>
  version === "latest" && resolution === "node10"

/** A program, and what each compiler should say. */
interface Program {
  readonly file: string
  /** Its text, if it is not a file beside this one. */
  readonly text?: string
  /** Whether this compiler and this way to find packages are meant for it. */
  readonly isFor: (version: Version, resolution: Resolution) => boolean
  /** The error that is expected, if any. */
  readonly error?: (version: Version, resolution: Resolution) => string | undefined
}

const isSince = (since: Version, version: Version) =>
  VERSIONS.indexOf(version) >= VERSIONS.indexOf(since)

/** The ways to find packages that know CommonJS from ES modules. */
const knowsModules = (resolution: Resolution) => /^node(?!10)/.test(resolution)

const PROGRAMS: readonly Program[] = [
  { file: "typescript-use.ts", isFor: () => true },
  // The types of Hono itself use a generic `Uint8Array`.
  { file: "typescript-use-hono.ts", isFor: (version) => isSince("5.7", version) },
  {
    file: "dynamic-import.cts",
    text: DYNAMIC_IMPORT,
    // An `import type` with a mode is stable from 5.3 on.
    isFor: (version, resolution) => knowsModules(resolution) && isSince("5.3", version),
  },
  {
    file: "plain-import.cts",
    text: PLAIN_IMPORT,
    isFor: (_, resolution) => knowsModules(resolution),
    // From 5.8 on, "nodenext" knows that Node can `require` an ES module.
    error: (version, resolution) =>
      resolution === "nodenext" && isSince("5.8", version) ? undefined : "TS1479",
  },
]

/** @param folder the folder for the compilers of this run */
export async function compileWithEach(folder: string): Promise<Results> {
  const project = join(folder, "typescript")
  await mkdir(project)
  await writeFile(join(project, "package.json"), `{ "private": true, "type": "module" }`)
  const compilers = VERSIONS.map((version) => `${aliasOf(version)}@npm:typescript@${version}`)
  const others = ["@types/node@20", "hono@4", "@opentelemetry/api@1"]
  const packages = [await packInto(project), ...others, ...compilers]
  await run("npm", ["install", "--no-audit", "--no-fund", ...packages], { cwd: project })
  for (const { file, text } of PROGRAMS) {
    if (text !== undefined) await writeFile(join(project, file), text)
    else await copyFile(fileURLToPath(new URL(file, import.meta.url)), join(project, file))
  }
  const results: Record<string, string | null> = {}
  for (const version of VERSIONS) {
    for (const resolution of Object.keys(RESOLUTIONS) as Resolution[]) {
      if (isGone(version, resolution)) continue
      const programs = PROGRAMS.filter(({ isFor }) => isFor(version, resolution))
      const errorOf = ({ error }: Program) => error?.(version, resolution)
      const right = programs.filter((program) => errorOf(program) === undefined)
      const compile = async (files: readonly string[]) => {
        const config = tsconfig(resolution, files, optionsOf(version, resolution))
        await writeFile(join(project, "tsconfig.json"), JSON.stringify(config))
        return compileIn(project, aliasOf(version))
      }
      const compiler = `TypeScript ${version}, ${resolution}`
      results[compiler] = await compile(right.map(({ file }) => file))
      for (const program of programs) {
        const error = errorOf(program)
        if (error === undefined) continue
        const output = await compile([program.file])
        const isAsExpected = output?.includes(error) ?? false
        results[`${compiler}, ${program.file}`] = isAsExpected
          ? null
          : `no ${error}: ${output ?? ""}`
      }
    }
  }
  return results
}

const aliasOf = (version: string) => `typescript-${version.replace(".", "-")}`

async function compileIn(project: string, compiler: string): Promise<string | null> {
  const tsc = join(project, "node_modules", compiler, "bin", "tsc")
  try {
    await run(process.execPath, [tsc, "-p", project])
    return null
  } catch (error) {
    return (error as { stdout: string }).stdout
  }
}

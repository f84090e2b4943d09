// The library with some of its rules switched off, to show that the tests and judges notice.
import { readFile } from "node:fs/promises"
import { resolve } from "node:path"
import { build, type Plugin } from "esbuild"

/** A passage of a source file that implements a rule, and its replacement that switches the rule off. */
export interface Breakage {
  /** Below `src`: a TypeScript file, or a Lua file. */
  readonly file: string
  /** Occurs once in the file. */
  readonly find: string
  readonly replace: string
}

/**
 * Builds one module with everything that `entry` needs, with the breakages applied, and writes it.
 *
 * @param entry a file
 * @throws Error if a breakage no longer matches the source
 */
export async function buildBroken(
  entry: string,
  breakages: readonly Breakage[],
  outfile: string,
  platform: "node" | "browser" = "node",
): Promise<void> {
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: "esm",
    target: "es2022",
    platform,
    external: platform === "browser" ? ["cloudflare:*"] : [],
    packages: platform === "node" ? "external" : "bundle",
    plugins: [breaking(breakages)],
    logLevel: "silent",
  })
}

function breaking(breakages: readonly Breakage[]): Plugin {
  return {
    name: "breaking",
    setup: (build) => {
      const missing = new Set(breakages)
      build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const contents = await readFile(path, "utf8")
        const here = breakages.filter(({ file }) => path === resolve("src", sourceOf(file)))
        for (const breakage of here) missing.delete(breakage)
        return { contents: here.reduce(breakOnce, contents), loader: "ts" }
      })
      build.onEnd(() => ({
        errors: [...missing].map(({ file }) => ({ text: `${file} is no part of the build` })),
      }))
    },
  }
}

/** Where the file's text is when the library is built. */
function sourceOf(file: string): string {
  return file.endsWith(".lua") ? "redis/lua/scripts.ts" : file
}

function breakOnce(source: string, { file, find, replace }: Breakage): string {
  if (!file.endsWith(".lua")) return replaceOnce(source, find, replace, file)
  const from = `/** From ${file.replace(/^redis\/lua\//, "")}. */\n`
  const start = source.indexOf(from) + from.length
  const end = source.indexOf("\n", start)
  const line = replaceOnce(source.slice(start, end), asSent(find), asSent(replace), file)
  return source.slice(0, start) + line + source.slice(end)
}

function replaceOnce(text: string, find: string, replace: string, file: string): string {
  const parts = text.split(find)
  if (parts.length !== 2) {
    throw new Error(`"${find}" is there ${parts.length - 1} times in ${file}: it must be once`)
  }
  return parts.join(replace)
}

/** Lines of Lua as they appear in a string literal of the module that contains the scripts. */
function asSent(lua: string): string {
  const lines = lua.split("\n").map((line) => line.trim())
  return JSON.stringify(lines.join("\n")).slice(1, -1)
}

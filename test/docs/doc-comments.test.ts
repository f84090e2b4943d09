// The doc comments of the public names, as an editor and the generated reference show them.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest"
import { readDocComments } from "./doc-comments.js"
import { Project } from "./project.js"

/** Names in the examples that stand for a user's own code. */
const SURROUNDINGS = `
declare global {
  const url: string
  const token: string
  const a: { url: string; token: string }
  const b: { url: string; token: string }
  const c: { url: string; token: string }
  function charge(order?: unknown, options?: { signal: AbortSignal }): Promise<object>
  function pollOnce(signal: AbortSignal): Promise<void>
  function refresh(options: { signal: AbortSignal }): Promise<string>
  function updateProfile(id: number): Promise<void>
  function userOf(request: Request): Promise<string | undefined>
}
export {}
`

const packages = ["package.json", "packages/dev-server/package.json"]
let entries: string[]
let project: Project

beforeAll(async () => {
  const found = await Promise.all(packages.map(entriesOf))
  entries = found.flat()
  project = await Project.create()
}, 60_000)
afterAll(() => project.remove())

/** The source of each entry point in `exports`. */
async function entriesOf(manifest: string): Promise<string[]> {
  const folder = manifest.replace("package.json", "")
  const { exports } = JSON.parse(await readFile(manifest, "utf8")) as {
    exports: Record<string, string | { types: string }>
  }
  return Object.values(exports).flatMap((entry) => {
    const types = typeof entry === "string" ? "" : entry.types
    return types === ""
      ? []
      : [folder + types.slice(2).replace("dist/", "src/").replace(".d.ts", ".ts")]
  })
}

test("every public name, member, option and overload says what it means, its default and its errors", ({
  annotate,
}) => {
  const { findings, names } = readDocComments(entries)
  expect(findings).toEqual([])
  expect(names).toEqual(expect.arrayContaining(["LockManager", "once", "lead", "quorum", "lock"]))
  return annotate(`${names.length} names`)
})

test(
  "every example in a doc comment compiles against the packed package",
  { timeout: 60_000 },
  async () => {
    const { examples } = readDocComments(entries)
    expect(examples.length).toBeGreaterThan(50)
    expect(await project.compile(examples, "DOM", SURROUNDINGS)).toBe("")
  },
)

test("the check of doc comments finds what is missing", { timeout: 60_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "fetchlock-comments-"))
  onTestFinished(() => rm(folder, { recursive: true }))
  const file = join(folder, "entry.ts")
  await writeFile(
    file,
    `
    export interface CallOptions { readonly wait?: number }
    export function silent(): void {}
    /** Opens it. @example open() */
    export function open(text: string): void
    export function open(text: number): void
    export function open(_: unknown): void {}
    /** A thing. */
    export class Thing {
      readonly size = 1
      /** Frees it. Never throws. */
      free(): void {}
      /** @internal */
      hidden(): void {}
      #own(): void { this.#own() }
    }
    `,
  )
  const { findings } = readDocComments([file], folder)
  expect(findings.map((it) => it.replace(/^\S+ /, "")).sort()).toEqual([
    "CallOptions.wait: no @default",
    "CallOptions.wait: no doc comment",
    "CallOptions: no doc comment",
    "Thing.free: no @example",
    "Thing.size: no doc comment",
    "Thing: no @example",
    "open: an @example without a block of ts",
    'open: no @throws, and not "Never throws"',
    "open: no doc comment at this overload",
    "silent: no @example",
    "silent: no doc comment",
    "silent: no doc comment at this overload",
  ])
})

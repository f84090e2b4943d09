// The library as the schedules use it: built with its rules, or without one of them.
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import type { LockManager } from "../../src/index.js"
import type * as scripts from "../../src/redis/lua/scripts.js"
import { type Breakage, buildBroken } from "../support/broken-build.js"

export interface Library {
  readonly LockManager: typeof LockManager
  readonly scripts: typeof scripts
}

/** @throws Error if a breakage no longer matches the source */
export async function openLibrary(breakages: readonly Breakage[]): Promise<Library> {
  const directory = await mkdtemp(join(tmpdir(), "fetchlock-rules-"))
  try {
    const outfile = join(directory, "library.mjs")
    await buildBroken(resolve("test/invariants/entry.ts"), breakages, outfile)
    return (await import(outfile)) as Library
  } finally {
    await rm(directory, { recursive: true })
  }
}

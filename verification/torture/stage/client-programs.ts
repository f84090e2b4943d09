// Builds the programs of the clients: the library, broken on purpose if requested, and the visits, in one file each.
import { join, resolve } from "node:path"
import { type Breakage, buildBroken } from "../../../test/support/broken-build.js"

/** The paths of the programs. */
export interface ClientPrograms {
  readonly process: string
  readonly worker: string
}

export async function buildClients(
  breakages: readonly Breakage[],
  directory: string,
): Promise<ClientPrograms> {
  const programs = {
    process: join(directory, "process.mjs"),
    worker: join(directory, "worker.mjs"),
  }
  const source = resolve("verification/torture/client")
  await Promise.all([
    buildBroken(join(source, "process.ts"), breakages, programs.process),
    buildBroken(join(source, "worker.ts"), breakages, programs.worker, "browser"),
  ])
  return programs
}

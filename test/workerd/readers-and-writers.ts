// Readers and writers that watch each other: the same program for a Worker and for a Node process.
import type { LockManager } from "fetchlock"

/** The observations of one participant. */
export interface Seen {
  readonly visits: number
  /** The participants that were inside and should not have been. */
  readonly intruders: readonly string[]
  /** The most readers that it saw inside together. */
  readonly mostReaders: number
}

/**
 * Reads and writes by turns. Each participant counts itself in and out in the database, outside of the lock's own keys, so a
 * writer notices if it is not alone, and a reader if a writer is there.
 */
export async function readAndWrite(
  locks: LockManager,
  command: (...command: string[]) => Promise<unknown>,
  name: string,
  rounds: number,
): Promise<Seen> {
  const intruders: string[] = []
  let mostReaders = 0
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
  const count = async (who: string, by: number) =>
    Number(await command("INCRBY", `${who} of ${name}`, String(by)))
  const write = () =>
    locks.request(name, { wait: "60s" }, async () => {
      const writers = await count("writers", 1)
      const readers = await count("readers", 0)
      if (writers !== 1 || readers !== 0) intruders.push(`${writers} writers, ${readers} readers`)
      await pause(10)
      await count("writers", -1)
    })
  const read = () =>
    locks.request(name, { wait: "60s", mode: "shared" }, async () => {
      mostReaders = Math.max(mostReaders, await count("readers", 1))
      const writers = await count("writers", 0)
      if (writers !== 0) intruders.push(`${writers} writers beside a reader`)
      await pause(40)
      await count("readers", -1)
    })
  for (let round = 0; round < rounds; round++) {
    await Promise.all([read(), read(), write(), read()])
  }
  return { visits: rounds * 4, intruders, mostReaders }
}

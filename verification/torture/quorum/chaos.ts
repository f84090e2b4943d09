// Failures of the databases: at any time, at most a minority is killed, paused or just emptied, and recovers.
import { setTimeout as sleep } from "node:timers/promises"
import type { TestNode } from "../../../test/support/nodes.js"
import type { Random } from "../random.js"

/** The number of failures of each kind. */
export type Troubles = Record<"killed" | "paused" | "emptied", number>

const KINDS = ["killed", "paused", "emptied"] as const

/** The duration of a failure, in milliseconds. */
const TROUBLE = [50, 600] as const
/** The time between two failures: long enough that mostly a majority is not in quarantine. */
const PEACE = [100, 2_000] as const

/** Causes one failure after the other on a minority of the databases until the signal aborts; then all have recovered. */
export async function makeTrouble(
  nodes: readonly TestNode[],
  random: Random,
  signal: AbortSignal,
): Promise<Troubles> {
  const troubles: Troubles = { killed: 0, paused: 0, emptied: 0 }
  const inTrouble = new Set<TestNode>()
  const maker = async (random: Random) => {
    while (!signal.aborted) {
      await sleep(random.between(...PEACE))
      const node = random.pick(nodes.filter((candidate) => !inTrouble.has(candidate)))
      inTrouble.add(node)
      const kind = random.pick(KINDS)
      troubles[kind]++
      if (kind === "killed") await node.kill()
      else if (kind === "paused") node.pause()
      else await node.flush()
      await sleep(random.between(...TROUBLE))
      await node.heal()
      inTrouble.delete(node)
    }
  }
  const minority = Math.ceil(nodes.length / 2) - 1
  await Promise.all(Array.from({ length: minority }, () => maker(random.fork())))
  return troubles
}

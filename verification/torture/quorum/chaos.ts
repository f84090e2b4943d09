// What befalls the databases: at most a minority is killed, paused or just emptied at any time, and comes back.
import { setTimeout as sleep } from "node:timers/promises"
import type { TestNode } from "../../../test/support/nodes.js"
import type { Random } from "../random.js"

/** How often each kind of trouble came. */
export type Troubles = Record<"killed" | "paused" | "emptied", number>

const KINDS = ["killed", "paused", "emptied"] as const

/** How long a trouble lasts, in milliseconds. */
const TROUBLE = [50, 600] as const
/** The time between two of them, so that most of the time a majority has no quarantine to sit out. */
const PEACE = [100, 2_000] as const

/** One trouble after the other on a minority of the databases, until the signal aborts; then all are whole again. */
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

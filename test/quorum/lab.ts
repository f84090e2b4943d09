// What the tests of a quorum are given: five databases that can fail, whole again before each test.
import { afterAll, beforeAll, beforeEach } from "vitest"
import { type Lock, LockManager, type LockManagerOptions } from "../../src/index.js"
import { quorum, type QuorumOptions } from "../../src/quorum/index.js"
import { type QuorumNode, startNodes } from "../support/nodes.js"
import { until } from "../support/outcomes.js"

type Settings = Partial<LockManagerOptions> & QuorumOptions

export interface QuorumLab {
  readonly nodes: readonly QuorumNode[]
  /** A name that no other test uses. */
  readonly name: () => string
  /** The database at a place from 0 on. */
  readonly node: (i: number) => QuorumNode
  /** A manager of its own, on all databases or those that are named, through their proxies. */
  readonly locks: (settings?: Settings, nodes?: readonly QuorumNode[]) => LockManager
  /** What each database has for the lock; a killed or paused one may not be asked. */
  readonly values: (name: string, nodes?: readonly QuorumNode[]) => Promise<unknown[]>
  /** Resolves when none of them has anything for the lock. */
  readonly free: (name: string, nodes?: readonly QuorumNode[]) => Promise<void>
  /** Resolves when each of them has given the lock its vote. */
  readonly voted: (lock: Lock) => Promise<void>
  readonly heal: () => Promise<void>
}

function createLab(nodes: readonly QuorumNode[]): QuorumLab {
  let names = 0
  const values = (name: string, those = nodes) =>
    Promise.all(those.map((node) => node.command("GET", `lock:${name}`)))
  return {
    nodes,
    name: () => `quorum-${String(names++)}`,
    node: (i) => {
      const node = nodes[i]
      if (!node) throw new Error(`there is no database ${String(i)}`)
      return node
    },
    locks: ({ quarantine, voteTimeout, ...options } = {}, those = nodes) => {
      const databases = those.map(({ proxied }) => proxied)
      return new LockManager({ redis: quorum(databases, { quarantine, voteTimeout }), ...options })
    },
    values,
    free: (name, those) =>
      until(async () => (await values(name, those)).every((value) => value === null)),
    voted: ({ name, token }) =>
      until(async () => (await values(name)).every((value) => value === token)),
    heal: async () => {
      await Promise.all(nodes.map((node) => node.heal()))
      await Promise.all(nodes.map(({ faults }) => faults.settled()))
      await quorum(nodes.map(({ direct }) => direct)).start()
    },
  }
}

/** Opens it before the tests of the describe block that calls it, and closes it after them. */
export function openQuorumLab(count = 5): () => QuorumLab {
  let lab: QuorumLab | undefined
  beforeAll(async () => {
    lab = createLab(await startNodes(count))
  })
  beforeEach(() => lab?.heal())
  afterAll(async () => {
    await Promise.all(lab?.nodes.map((node) => node.close()) ?? [])
  })
  return () => {
    if (!lab) throw new Error("the databases are not open yet")
    return lab
  }
}

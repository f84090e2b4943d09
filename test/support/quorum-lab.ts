// The fixture of a quorum's tests: databases that can fail, and managers on them.
import type { Lock, LockManager, LockManagerOptions } from "../../src/index.js"
import type { QuorumOptions } from "../../src/quorum/index.js"
import type { TestNode } from "./nodes.js"
import { until } from "./outcomes.js"

type Settings = Partial<LockManagerOptions> & QuorumOptions

export interface QuorumLab {
  readonly nodes: readonly TestNode[]
  /** A name that no other test uses. */
  readonly name: () => string
  /** The database at a place, starting with 0. */
  readonly node: (i: number) => TestNode
  /** A manager of its own, on all databases or those that are named, through their proxies. */
  readonly locks: (settings?: Settings, nodes?: readonly TestNode[]) => LockManager
  /** The lock's value in each database; a killed or paused one may not be asked. */
  readonly values: (name: string, nodes?: readonly TestNode[]) => Promise<unknown[]>
  /** Resolves when no database has a value for the lock. */
  readonly free: (name: string, nodes?: readonly TestNode[]) => Promise<void>
  /** Resolves when each of them has given the lock its vote. */
  readonly voted: (lock: Lock) => Promise<void>
  readonly heal: () => Promise<void>
}

interface LabParts {
  readonly nodes: readonly TestNode[]
  readonly openManager: (
    nodes: readonly TestNode[],
    quorum: QuorumOptions,
    options: Partial<LockManagerOptions>,
  ) => LockManager
  readonly heal: () => Promise<void>
}

export function createQuorumLab({ nodes, openManager, heal }: LabParts): QuorumLab {
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
    locks: ({ quarantine, voteTimeout, ...options } = {}, those = nodes) =>
      openManager(those, { quarantine, voteTimeout }, options),
    values,
    free: (name, those) =>
      until(async () => (await values(name, those)).every((value) => value === null)),
    voted: ({ name, token }) =>
      until(async () => (await values(name)).every((value) => value === token)),
    heal,
  }
}

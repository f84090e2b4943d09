// Five real databases that can fail, repaired before each test.
import { afterAll, beforeAll, beforeEach } from "vitest"
import { LockManager } from "../../src/index.js"
import { quorum } from "../../src/quorum/index.js"
import { type TestNode, startNodes } from "../support/nodes.js"
import { createQuorumLab, type QuorumLab } from "../support/quorum-lab.js"

/** Opens it before the tests of the describe block that calls it, and closes it after them. */
export function openQuorumLab(count = 5): () => QuorumLab {
  let lab: QuorumLab | undefined
  beforeAll(async () => {
    const nodes = await startNodes(count)
    lab = createQuorumLab({
      nodes,
      openManager: (those, settings, options) => {
        const databases = those.map(({ proxied }) => proxied)
        return new LockManager({ redis: quorum(databases, settings), ...options })
      },
      heal: () => healAll(nodes),
    })
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

async function healAll(nodes: readonly TestNode[]): Promise<void> {
  await Promise.all(nodes.map((node) => node.heal()))
  await Promise.all(nodes.map(({ faults }) => faults.settled()))
  await quorum(nodes.map(({ direct }) => direct)).start()
}

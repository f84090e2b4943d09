// The databases of a quorum in this process, that can fail as those of nodes.ts do.
import type { Engine } from "../../packages/dev-server/src/engine.js"
import { resolveQuorumOptions, type QuorumOptions } from "../../src/quorum/quorum-options.js"
import { Database } from "../../src/redis/database.js"
import { QuorumNodes } from "../../src/quorum/quorum-nodes.js"
import { QuorumStore } from "../../src/quorum/quorum-store.js"
import { QuorumNode } from "../../src/quorum/quorum-node.js"
import type { StoreRecipe } from "../../src/redis/store.js"
import { everything, nothing } from "./fault-proxy.js"
import type { TestNode } from "./nodes.js"
import { createQuorumLab, type QuorumLab } from "./quorum-lab.js"
import { commandsTo, managerOn, openEngine, VirtualTransport } from "./virtual-database.js"

class VirtualNode {
  readonly faults: VirtualTransport
  readonly command: (...command: readonly string[]) => Promise<unknown>

  constructor(engine: Engine) {
    this.faults = new VirtualTransport(engine)
    this.command = commandsTo(engine)
  }

  pause(): void {
    this.faults.plan = everything({ kind: "hang", executed: false, after: "nothing" })
  }

  async kill(): Promise<void> {
    this.faults.plan = everything({ kind: "request-lost" })
    await this.flush()
  }

  restart(): void {
    this.faults.plan = nothing
  }

  async flush(): Promise<void> {
    await this.command("FLUSHALL")
  }

  heal(): void {
    this.faults.plan = nothing
    this.faults.log.length = 0
  }
}

/** They have no address: tests that reach one by it cannot use them. */
export async function openVirtualQuorumLab(count = 5): Promise<QuorumLab> {
  const nodes: VirtualNode[] = []
  while (nodes.length < count) nodes.push(new VirtualNode(await openEngine()))
  return createQuorumLab({
    nodes: nodes as unknown as readonly TestNode[],
    openManager: (those, settings, options) => managerOn(recipeFor(those, settings), options),
    heal: async () => {
      for (const node of nodes) node.heal()
      for (const { faults } of nodes) {
        await new QuorumNode(new Database(faults, "lock:", false)).start(5_000)
      }
    },
  })
}

function recipeFor(nodes: readonly TestNode[], options: QuorumOptions): StoreRecipe {
  return {
    openStore: ({ prefix, timeoutMs, waitUntil }) => {
      const transports = nodes.map(({ faults }) => faults as unknown as VirtualTransport)
      const all = transports.map(
        (transport) => new QuorumNode(new Database(transport, prefix, false)),
      )
      const plan = resolveQuorumOptions(options)
      return new QuorumStore(new QuorumNodes(all, { ...plan, cleanUpMs: timeoutMs, waitUntil }))
    },
  }
}

// Databases that reply to each script as a test says, and record their requests and the times; and a quorum of them.
import { RedisError, type RedisFailure } from "../../src/redis/redis-error.js"
import type { Transport } from "../../src/redis/transport.js"
import { withDeadline } from "../../src/redis/bounds.js"
import { Database } from "../../src/redis/database.js"
import { QuorumNodes, type QuorumSettings } from "../../src/quorum/quorum-nodes.js"
import { QuorumNode } from "../../src/quorum/quorum-node.js"
import { withEcho } from "./with-echo.js"
import { operationOf } from "./operation.js"

type Answer = () => Promise<unknown>

/** For each script its replies in order; the last one repeats. A release that is not mentioned frees the lock. */
export type DatabaseScript = Readonly<Record<string, readonly Answer[]>>

export interface Asked {
  readonly operation: string
  readonly atMs: number
  readonly timeoutMs: number
  readonly keys: readonly string[]
  readonly args: readonly string[]
}

export interface ScriptedDatabase {
  readonly node: QuorumNode
  readonly asked: readonly Asked[]
  /** Its requests of one kind. */
  readonly of: (operation: string) => readonly Asked[]
}

export function scriptedDatabase(script: DatabaseScript): ScriptedDatabase {
  const answers: DatabaseScript = { release: [says(["released", 0])], ...script }
  const asked: Asked[] = []
  const of = (wanted: string) => asked.filter(({ operation }) => operation === wanted)
  const evaluate: Transport["evaluate"] = (text, keys, args, timeoutMs) => {
    const operation = operationOf(["EVAL", text])
    const answer = answers[operation]?.[of(operation).length] ?? answers[operation]?.at(-1)
    if (!answer) throw new Error(`the test has no answer to ${operation}`)
    asked.push({ operation, atMs: Date.now(), timeoutMs, keys, args })
    return withDeadline(timeoutMs, answer)
  }
  const transport = { noticesEnd: true, evaluate: withEcho(evaluate) } as Partial<Transport>
  const node = new QuorumNode(new Database(transport as Transport, "lock:", false))
  return { node, asked, of }
}

/** A quorum of them; `works` are the promises that `waitUntil` was given. */
export function scriptedPanel(
  scripts: readonly DatabaseScript[],
  settings: Partial<QuorumSettings> = {},
) {
  const databases = scripts.map(scriptedDatabase)
  const works: Promise<unknown>[] = []
  const nodes = new QuorumNodes(
    databases.map(({ node }) => node),
    {
      quarantineMs: 60_000,
      voteMs: undefined,
      cleanUpMs: 1_000,
      waitUntil: (work) => works.push(work),
      ...settings,
    },
  )
  /** The number of such requests at each of them. */
  const counts = (operation: string) => databases.map(({ of }) => of(operation).length)
  return { nodes, databases, works, counts }
}

/** Replies with this value. */
export function says(reply: unknown): Answer {
  return () => Promise.resolve(reply)
}

/** Fails as a request with an ambiguous outcome does, by default. */
export function fails(failure: Partial<RedisFailure> = {}, message = "it failed"): Answer {
  return () => Promise.reject(new RedisError(message, { outcome: "unknown", ...failure }))
}

/** Replies after the given time, whatever the timeout. */
export function after(ms: number, answer: Answer): Answer {
  return () => new Promise((resolve) => setTimeout(resolve, ms)).then(answer)
}

/** Never replies. */
export const hangs: Answer = () => new Promise(() => undefined)

/** A vote for us. */
export function grants({ leftMs = 30_000, lastFence = 0, micros = 1 } = {}): Answer {
  return says(["granted", leftMs, String(lastFence), String(micros)])
}

/** A vote that another caller has. */
export function refuses(holder = "a stranger", leftMs = 20_000): Answer {
  return says(["busy", leftMs, holder])
}

/** No vote yet. */
export function isYoung(forMs = 50_000): Answer {
  return says(["young", forMs])
}

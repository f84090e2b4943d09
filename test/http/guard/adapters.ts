// The guard as each adapter offers it: whole requests go in, responses come out.
import { Hono } from "hono"
import type { Lock, LockManager } from "../../../src/index.js"
import type { GuardOptions } from "../../../src/http/guard-options.js"
import { withLock } from "../../../src/http/handler.js"
import { lock } from "../../../src/http/hono/index.js"

/** Options whose functions ignore the arguments of the adapter. */
export type PlainOptions = GuardOptions<readonly []>

/** The guarded handler. */
export type Work = (request: Request, lock: Lock | undefined) => Response | Promise<Response>

/** The runtime's way to continue work after the response. */
export interface ExecutionContext {
  waitUntil(work: Promise<unknown>): void
}

export interface Guarded {
  /** Sends a request as a client does; without a context there is no `waitUntil`. */
  readonly ask: (request?: Request, context?: ExecutionContext) => Promise<Response>
  /** The errors that were thrown, for which the client got a 500. */
  readonly thrown: readonly unknown[]
}

export interface Adapter {
  readonly name: string
  readonly guard: (options: PlainOptions, work: Work) => Guarded
}

const plainRequest = () => new Request("http://localhost/work", { method: "POST" })

export const adapters: readonly Adapter[] = [
  {
    name: "fetchlock/hono",
    guard(options, work) {
      const thrown: unknown[] = []
      const app = new Hono()
      app.onError((error, c) => {
        thrown.push(error)
        return c.text("failed", 500)
      })
      app.on(["GET", "POST"], "/work", lock(options), (c) => work(c.req.raw, c.var.lock))
      const ask = async (request = plainRequest(), context?: ExecutionContext) =>
        app.fetch(request, {}, context as never)
      return { ask, thrown }
    },
  },
  {
    name: "fetchlock/handler",
    guard(options, given) {
      const thrown: unknown[] = []
      const work: (...args: [...Parameters<Work>, ...unknown[]]) => ReturnType<Work> = given
      const handler = withLock(work, options)
      const ask = (request = plainRequest(), context?: ExecutionContext) =>
        handler(request, ...(context ? [{}, context] : [])).catch((error: unknown) => {
          thrown.push(error)
          return new Response("failed", { status: 500 })
        })
      return { ask, thrown }
    },
  },
]

/** A context that keeps the promises that it is given. */
export function keepingContext(): ExecutionContext & { readonly works: Promise<unknown>[] } {
  const works: Promise<unknown>[] = []
  return { works, waitUntil: (work) => void works.push(work) }
}

/** A handler that ends when the test says so. */
export function openWork(): {
  readonly work: Work
  /** Resolves with the lock when the handler has begun. */
  readonly begun: Promise<Lock>
  readonly end: (response?: Response) => void
  readonly runs: () => number
} {
  let runs = 0
  const begun = deferred<Lock>()
  const ended = deferred<Response>()
  return {
    work: (_, held) => {
      runs++
      if (held) begun.resolve(held)
      return ended.promise
    },
    begun: begun.promise,
    end: (response = new Response("done")) => {
      ended.resolve(response)
    },
    runs: () => runs,
  }
}

function deferred<T>() {
  let resolve!: (value: T) => void
  const promise = new Promise<T>((resolveIt) => {
    resolve = resolveIt
  })
  return { promise, resolve }
}

/** The fields of a problem, except those that are the same for all problems, which are checked here. */
export async function problemOf(response: Response): Promise<Record<string, unknown>> {
  if (response.headers.get("Content-Type") !== "application/problem+json")
    throw new Error(`no problem, but ${String(response.status)} ${await response.text()}`)
  const { type, status, title, ...more } = (await response.json()) as Record<string, unknown>
  if (status !== response.status) throw new Error(`${String(status)} in the body`)
  if (typeof title !== "string" || title === "") throw new Error("no title")
  return { type: String(type).replace("urn:fetchlock:problem:", ""), status, ...more }
}

/** Holds the lock from elsewhere. */
export async function heldElsewhere(locks: LockManager, name: string): Promise<Lock> {
  return locks.acquire(name, { wait: 0 })
}

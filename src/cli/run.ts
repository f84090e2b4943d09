// `fetchlock run`: runs a command while it holds a lock.
import { LockBackendError, LockLostError, LockTimeoutError } from "../errors.js"
import type { LockEvent } from "../events.js"
import type { Lock } from "../hold/lock.js"
import type { LockManager } from "../lock-manager.js"
import { type Arguments, checkExclusive, durationOf, integerOf } from "./command-line.js"
import { catchSignals, endBy, isFromTerminal } from "./caught-signals.js"
import { connect } from "./connect.js"
import { EXIT, say, UsageError } from "./failure.js"
import { Note } from "./note.js"
import { inQuotes } from "./printable.js"
import { SupervisedChild } from "./supervised-child.js"

interface RunOptions {
  readonly name: string
  readonly command: readonly string[]
  readonly waitMs: number
  readonly ttl: number | undefined
  readonly isShared: boolean
  readonly permits: number | undefined
  readonly watch: boolean
  readonly reason: string | undefined
  readonly keepMs: number | undefined
  readonly killAfterMs: number
  readonly conflictCode: number
}

const DEFAULT_KILL_AFTER_MS = 10_000
const LONGEST_REASON = 500
/** The library refuses a shorter one, but only when it is used. */
const SHORTEST_TTL_MS = 10
/** How long this program waits for its own clean-up after a signal. */
const CLEAN_UP_MS = 5_000

export async function execute(args: Arguments): Promise<number> {
  const options = readOptions(args)
  const run = new Run(options, args)
  const stop = catchSignals((signal) => {
    run.receive(signal)
  })
  try {
    return await run.execute()
  } finally {
    stop()
  }
}

function readOptions(args: Arguments): RunOptions {
  checkExclusive(args, "try", "wait")
  checkExclusive(args, "shared", "permits")
  const { options } = args
  // Empty where a script passes a variable that is not set: a comment that is missing must not stop a deploy.
  const text = options.get("reason")
  const reason = text === "" ? undefined : text
  if (reason !== undefined && reason.length > LONGEST_REASON) {
    throw new UsageError(
      `--reason: must have at most ${LONGEST_REASON} characters, got ${reason.length}`,
    )
  }
  return {
    name: args.positionals[0] ?? "",
    command: args.command,
    waitMs: options.has("try") ? 0 : (durationOf(args, "wait") ?? Infinity),
    ttl: durationOf(args, "ttl", SHORTEST_TTL_MS),
    isShared: options.has("shared"),
    permits: integerOf(args, "permits", 1, Number.MAX_SAFE_INTEGER),
    watch: options.has("watch"),
    reason,
    keepMs: durationOf(args, "keep", SHORTEST_TTL_MS),
    killAfterMs: durationOf(args, "kill-after") ?? DEFAULT_KILL_AFTER_MS,
    conflictCode: integerOf(args, "conflict-exit-code", 0, 255) ?? EXIT.conflict,
  }
}

class Run {
  readonly #options: RunOptions
  readonly #locks: LockManager
  readonly #note: Note | undefined
  /** Aborted by a signal during the wait. */
  readonly #interruption = new AbortController()
  /** Clean-up of the library that continues after a call has failed. */
  readonly #cleanUps: Promise<unknown>[] = []
  #signal: NodeJS.Signals | undefined
  #child: SupervisedChild | undefined
  #giveUp: () => void = () => undefined

  constructor(options: RunOptions, args: Arguments) {
    this.#options = options
    this.#locks = connect(args, {
      ...(options.ttl !== undefined && { ttl: options.ttl }),
      onEvent: (event) => {
        this.#notice(event)
      },
    })
    const { name, reason } = options
    if (reason !== undefined) this.#note = new Note(this.#locks, name, reason)
  }

  receive(signal: NodeJS.Signals): void {
    if (this.#child?.isRunning) {
      if (!isFromTerminal(signal)) this.#child.forward(signal)
      return
    }
    // The second one does not wait for the clean-up or the release.
    if (this.#signal) this.#giveUp()
    this.#signal ??= signal
    this.#interruption.abort()
  }

  async execute(): Promise<number> {
    let lock: Lock
    try {
      lock = await this.#acquire()
    } catch (error) {
      await this.#cleanUp()
      if (this.#signal) return endBy(this.#signal)
      if (!(error instanceof LockTimeoutError)) throw error
      say(error.message)
      return this.#options.conflictCode
    }
    // A signal that came with the grant.
    if (this.#signal) {
      this.#cleanUps.push(this.#release(lock))
      await this.#cleanUp()
      return endBy(this.#signal)
    }
    return this.#runWhileHeld(lock)
  }

  #acquire(): Promise<Lock> {
    const { name, waitMs, isShared, permits, watch } = this.#options
    const options = {
      wait: waitMs,
      watch,
      signal: this.#interruption.signal,
      waitUntil: (work: Promise<unknown>) => void this.#cleanUps.push(work),
    }
    if (permits !== undefined) return this.#locks.semaphore(name, permits).acquire(options)
    if (isShared) return this.#locks.acquire(name, { ...options, mode: "shared" })
    return this.#locks.acquire(name, { ...options, fencing: true })
  }

  async #runWhileHeld(lock: Lock): Promise<number> {
    const { command, killAfterMs } = this.#options
    const child = new SupervisedChild(command, environmentOf(lock), killAfterMs)
    this.#child = child
    let loss: unknown
    const onLost = () => {
      loss = lock.signal.reason
      say(`${messageOf(loss)}; ending the command`)
      child.terminate()
    }
    if (lock.signal.aborted) onLost()
    else lock.signal.addEventListener("abort", onLost)
    this.#note?.set()
    const ending = await child.ended
    lock.signal.removeEventListener("abort", onLost)
    if (loss !== undefined) {
      await this.#cleanUp()
      return EXIT.lost
    }
    const isOurs = await this.#unlessGivenUp(
      this.#finish(lock, ending.code === 0 && !ending.signal),
    )
    if (isOurs === undefined)
      say(`did not wait for the database: ${inQuotes(lock.name)} may stay held until its ttl ends`)
    if (isOurs === false) return EXIT.lost
    return ending.signal ? endBy(ending.signal) : ending.code
  }

  /** Keeps or releases the lock; false if it turns out that the hold was over before the command was. */
  async #finish(lock: Lock, hasSucceeded: boolean): Promise<boolean> {
    const { name, keepMs } = this.#options
    if (keepMs === undefined || !hasSucceeded) {
      const [isOurs] = await Promise.all([this.#release(lock), this.#note?.remove()])
      return isOurs
    }
    try {
      await Promise.all([lock.keep(keepMs), this.#note?.keep(keepMs)])
      return true
    } catch (error) {
      say(`could not keep ${inQuotes(name)}: ${messageOf(error)}`)
      return !(error instanceof LockLostError)
    }
  }

  async #release(lock: Lock): Promise<boolean> {
    try {
      const result = await lock.release()
      if (result === "released") return true
      say(`${inQuotes(lock.name)} was lost before the command ended`)
      return false
    } catch (error) {
      if (!(error instanceof LockBackendError)) throw error
      say(`${error.message}; it is free when its ttl ends`)
      return true
    }
  }

  /** Deletes the note, and waits for the clean-up of the library. */
  async #cleanUp(): Promise<void> {
    const timer = setTimeout(() => {
      this.#giveUp()
    }, CLEAN_UP_MS)
    await this.#unlessGivenUp(Promise.all([...this.#cleanUps, this.#note?.remove()]))
    clearTimeout(timer)
  }

  /** Undefined if a second signal, or the end of the time for the clean-up, came before. */
  #unlessGivenUp<T>(work: Promise<T>): Promise<T | undefined> {
    const givenUp = new Promise<undefined>((resolve) => {
      this.#giveUp = () => {
        resolve(undefined)
      }
    })
    return Promise.race([work, givenUp])
  }

  #notice(event: LockEvent): void {
    if (event.type !== "queued") return
    this.#note?.set()
    const { name, place = 0 } = event
    const others = place === 1 ? "1 waiter" : `${place} waiters`
    say(`waiting for ${inQuotes(name)}${place > 0 ? `, behind ${others}` : ""}`)
    if (process.env["FETCHLOCK_NAME"] === name) {
      say(`this command itself runs under ${inQuotes(name)}, so it may wait for itself`)
    }
  }
}

/** What the command learns about its lock. */
function environmentOf(lock: Lock): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env, FETCHLOCK_NAME: lock.name }
  // That of an outer `run` belongs to another lock.
  delete env["FETCHLOCK_FENCING_TOKEN"]
  if (lock.fencingToken !== undefined) env["FETCHLOCK_FENCING_TOKEN"] = String(lock.fencingToken)
  return env
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

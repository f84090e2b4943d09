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
  const reason = options.get("reason")
  if (reason !== undefined && (reason === "" || reason.length > LONGEST_REASON)) {
    throw new UsageError(
      `--reason: must have 1 to ${LONGEST_REASON} characters, got ${reason.length}`,
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
    if (this.#child) {
      if (!isFromTerminal(signal)) this.#child.forward(signal)
      return
    }
    // The second one does not wait for the clean-up.
    if (this.#signal) this.#giveUp()
    this.#signal ??= signal
    this.#interruption.abort()
  }

  async execute(): Promise<number> {
    let lock: Lock
    try {
      lock = await this.#acquire()
    } catch (error) {
      this.#note?.close()
      await this.#cleanUp()
      if (this.#signal) return endBy(this.#signal)
      if (!(error instanceof LockTimeoutError)) throw error
      say(error.message)
      return this.#options.conflictCode
    }
    // A signal that came with the grant.
    if (this.#signal) {
      await Promise.all([this.#release(lock), this.#note?.remove()])
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
    const isLost =
      loss !== undefined || !(await this.#finish(lock, ending.code === 0 && !ending.signal))
    if (isLost) return EXIT.lost
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

  async #cleanUp(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const givenUp = new Promise<void>((resolve) => {
      this.#giveUp = resolve
      timer = setTimeout(resolve, CLEAN_UP_MS)
    })
    await Promise.race([Promise.all([...this.#cleanUps, this.#note?.remove()]), givenUp])
    clearTimeout(timer)
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

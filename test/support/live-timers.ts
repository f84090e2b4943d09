// Counts the timers that the library has started and that have neither fired nor been cleared.

/** A file of the library's own. */
const LIBRARY = /(?<!dev-server)\/src\/[\w/-]+\.[jt]s/

/** Watches all timers from now on; returns the number of the library's live timers. */
export function countTimers(): () => number {
  const alive = new Set<unknown>()
  const { setTimeout: start, clearTimeout: clear } = globalThis
  const starting = (callback: () => void, ms?: number, ...args: []) => {
    if (!LIBRARY.test(callerOf(starting))) return start(callback, ms, ...args)
    const timer = start(() => {
      alive.delete(timer)
      callback()
    }, ms)
    alive.add(timer)
    return timer
  }
  const clearing = (timer: Parameters<typeof clear>[0]) => {
    alive.delete(timer)
    clear(timer)
  }
  Object.assign(globalThis, { setTimeout: starting, clearTimeout: clearing })
  return () => alive.size
}

/** The file that called the function; without the text of a whole stack, which the test runner translates at length. */
function callerOf(callee: (...args: never[]) => unknown): string {
  const prepareStackTrace: unknown = Reflect.get(Error, "prepareStackTrace")
  const { stackTraceLimit } = Error
  const error: { stack?: unknown } = {}
  Error.stackTraceLimit = 1
  Error.prepareStackTrace = (_, [site]) => site?.getFileName()
  Error.captureStackTrace(error, callee)
  const file = String(error.stack)
  Object.assign(Error, { prepareStackTrace, stackTraceLimit })
  return file
}

// Calls the user's callbacks so that an error in one of them cannot break a lock.

/** Wraps a user's callback: an error that it throws or rejects with goes to the console. */
export function safeCallback<A>(
  option: string,
  listener: ((argument: A) => unknown) | undefined,
): (argument: A) => void {
  if (!listener) return () => undefined
  const report = (error: unknown) => {
    console.error(`fetchlock: ${option} failed:`, error)
  }
  return (argument) => {
    try {
      // Otherwise an async listener's rejection would be unhandled.
      Promise.resolve(listener(argument)).catch(report)
    } catch (error) {
      report(error)
    }
  }
}

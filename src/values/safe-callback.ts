// Calls what the user has given, so that what it throws breaks nothing.

/** Wraps a function of the user's so that what it throws cannot break the lock. */
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
      // An async listener's rejection would otherwise be nobody's.
      Promise.resolve(listener(argument)).catch(report)
    } catch (error) {
      report(error)
    }
  }
}

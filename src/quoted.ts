// A lock's name as it may stand in a message.

/** Escaped, and not a kilobyte long. */
export function quoted(lockName: string): string {
  return JSON.stringify(lockName.length > 100 ? `${lockName.slice(0, 100)}…` : lockName)
}

// The keys in which a lock lives.

/** The lock's own key: it exists exactly while the lock is held. */
export function lockKey(prefix: string, name: string): string {
  return prefix + name
}

/** The keys that a script needs which may hand the lock on: the lock, its queue, who has checked, the fencing counter. */
export function queueKeys(prefix: string, name: string): readonly string[] {
  const key = lockKey(prefix, name)
  return [key, `{${key}}:queue`, `{${key}}:seen`, fenceKey(key)]
}

/**
 * Since when a database remembers what it has voted, in ms on its clock. It is about all of its memory, so it does not
 * depend on a prefix; and no prefix that anybody uses makes a lock's key of it.
 */
export const BORN_KEY = "{fetchlock}:born"

/** The keys that a database of a quorum needs to vote: the lock, since when it remembers, the fencing counter. */
export function voteKeys(prefix: string, name: string): readonly string[] {
  const key = lockKey(prefix, name)
  return [key, BORN_KEY, fenceKey(key)]
}

/** The keys that it needs to note a fencing token: the lock, the fencing counter. */
export function fenceKeys(prefix: string, name: string): readonly string[] {
  const key = lockKey(prefix, name)
  return [key, fenceKey(key)]
}

function fenceKey(key: string): string {
  return `{${key}}:fence`
}

/** The bytes that a prefix and a name may have together: what Upstash allows a key, less the longest that is added. */
export const MAX_KEY_BYTES = 32_768 - "{}:holders".length

// The keys in which a lock lives.

/** The lock's own key: it exists exactly while the lock is held. */
export function lockKey(prefix: string, name: string): string {
  return prefix + name
}

/** The key of its last fencing token. */
export function fenceKey(prefix: string, name: string): string {
  return `{${prefix}${name}}:fence`
}

/** The bytes that a prefix and a name may have together: what Upstash allows a key, less the longest that is added. */
export const MAX_KEY_BYTES = 32_768 - "{}:holders".length

// The keys in which a lock lives.

/** The lock's own key: it exists exactly while the lock is held. */
export function lockKey(prefix: string, name: string): string {
  return prefix + name
}

/** The keys that a script needs which may hand the lock on: the lock, its queue, who has checked, the fencing counter. */
export function queueKeys(prefix: string, name: string): readonly string[] {
  const key = lockKey(prefix, name)
  return [key, `{${key}}:queue`, `{${key}}:seen`, `{${key}}:fence`]
}

/** The bytes that a prefix and a name may have together: what Upstash allows a key, less the longest that is added. */
export const MAX_KEY_BYTES = 32_768 - "{}:holders".length

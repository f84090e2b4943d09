// The keys of a lock, and the check of its name.
import { invalid, notSupported } from "../values/invalid-argument.js"

/** The lock's own key: it exists exactly while the lock is held. */
export function lockKey(prefix: string, name: string): string {
  return prefix + name
}

/** The suffixes of a lock's other keys, in the order in which scripts receive them. */
const PARTS = ["queue", "seen", "fence", "holders", "stolen"] as const

/**
 * The keys of all scripts: the lock, its queue, the waiters' heartbeats, the fencing counter, the shared holds, and the
 * tokens that the lock was stolen from.
 */
export function lockKeys(prefix: string, name: string): readonly string[] {
  const key = lockKey(prefix, name)
  return [key, ...PARTS.map((part) => `${stem(key)}:${part}`)]
}

/**
 * The keys of a claim. If a cluster cannot have all keys of a lock on one node, all of them are passed: then it refuses the
 * claim instead of granting a lock that cannot be released.
 */
export function claimKeys(prefix: string, name: string): readonly string[] {
  const key = lockKey(prefix, name)
  return (key === "" || key.includes("}")) && !hashTag(key) ? lockKeys(prefix, name) : [key]
}

/**
 * The beginning of a lock's other keys, so that a cluster keeps them on the node of the lock's own key: the hash tag of that
 * key, if it has one; otherwise the key itself becomes the tag, which works unless it contains "}".
 */
function stem(key: string): string {
  const tag = hashTag(key)
  return tag ? `{${tag}}{${key}}` : `{${key}}`
}

/**
 * The part that a cluster hashes instead of the whole key: the text between the first "{" and the first "}" behind it,
 * unless that is empty. https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags
 */
function hashTag(key: string): string | undefined {
  return /^[^{]*\{([^}]+)\}/.exec(key)?.[1]
}

/** The end of a note's key: the id of a client has no braces. */
const NOTE = /\}:note:[\w-]+$/

/** The suffixes of the keys of `once`. */
const ONCE_PARTS = ["run", "result"] as const

/**
 * The keys of the scripts of `once`: the leader, the result, and the fencing counter, which is that of the lock, so that one
 * name has one sequence.
 */
export function onceKeys(prefix: string, name: string): readonly string[] {
  const key = lockKey(prefix, name)
  return [...ONCE_PARTS.map((part) => `{${key}}:${part}`), fenceKey(key)]
}

/** The key of the note in which a client says why it holds or awaits the lock. */
export function noteKey(prefix: string, name: string, clientId: string): string {
  return `${stem(lockKey(prefix, name))}:note:${clientId}`
}

/** The pattern that matches the keys of all locks under a prefix, and perhaps some others. */
export function lockPattern(prefix: string): string {
  return `${prefix.replace(/[\\*?[\]]/g, "\\$&")}*`
}

/** The name of the lock whose own key that is; undefined for any other key. */
export function nameOf(prefix: string, key: string): string | undefined {
  const hasSuffix =
    key.startsWith("{") &&
    ([...PARTS, ...ONCE_PARTS].some((part) => key.endsWith(`}:${part}`)) || NOTE.test(key))
  return hasSuffix || key === VOTING_SINCE_KEY || !key.startsWith(prefix)
    ? undefined
    : key.slice(prefix.length)
}

/**
 * Since when a database remembers its votes, in ms on its clock. It applies to the whole database, so it does not depend on a
 * prefix; and no prefix in use turns it into a lock's key.
 */
export const VOTING_SINCE_KEY = "{fetchlock}:born"

/** The keys with which a database of a quorum votes: the lock, `VOTING_SINCE_KEY`, the fencing counter. */
export function voteKeys(prefix: string, name: string): readonly string[] {
  const key = lockKey(prefix, name)
  return [key, VOTING_SINCE_KEY, fenceKey(key)]
}

/** The keys with which it stores a fencing token: the lock, the fencing counter. */
export function fenceKeys(prefix: string, name: string): readonly string[] {
  const key = lockKey(prefix, name)
  return [key, fenceKey(key)]
}

function fenceKey(key: string): string {
  return `${stem(key)}:fence`
}

/** The number of bytes that must not exceed `MAX_KEY_BYTES`: prefix and name, and their hash tag, if any, once more. */
function sizeOf(key: string): number {
  return new TextEncoder().encode(stem(key)).length - "{}".length
}

/** The longest key that Upstash allows, minus the longest suffix. */
export const MAX_KEY_BYTES = 32_768 - "{}:holders".length

/**
 * @throws `NotSupportedError` for a leading hyphen, `TypeError` if it is not a string or would be a key of another lock,
 *   `RangeError` if its key would be too long.
 */
export function checkName(prefix: string, name: unknown): asserts name is string {
  if (typeof name !== "string") throw invalid("name", "a string", name)
  // The Web Locks standard reserves such names. All calls have this rule, so that one can release what another acquired.
  if (name.startsWith("-")) throw notSupported("name: must not begin with a hyphen")
  const key = prefix + name
  // UTF-8 cannot encode lone surrogates: all of them would become the same character, and so the same lock. And under an
  // unsuitable prefix, a key could be one lock and the queue of another.
  if (/\p{Surrogate}/u.test(key) || nameOf(prefix, key) === undefined) {
    throw invalid("name", "well-formed Unicode and not a key of another lock", name)
  }
  const bytes = sizeOf(key)
  if (bytes > MAX_KEY_BYTES) {
    throw new RangeError(
      `name: must have at most ${MAX_KEY_BYTES} bytes with its prefix, got ${bytes}`,
    )
  }
}

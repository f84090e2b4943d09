// The keys in which a lock lives, and the names that can have some.
import { invalid, notSupported } from "../values/invalid-argument.js"

/** The lock's own key: it exists exactly while the lock is held. */
export function lockKey(prefix: string, name: string): string {
  return prefix + name
}

/** What may stand behind the lock's own key, in the order in which scripts are given it. */
const PARTS = ["queue", "seen", "fence", "holders", "stolen"] as const

/**
 * The keys of all scripts: the lock, its queue, who has checked, the fencing counter, those who share the lock, and
 * those it was stolen from.
 */
export function lockKeys(prefix: string, name: string): readonly string[] {
  const key = lockKey(prefix, name)
  return [key, ...PARTS.map((part) => `${stem(key)}:${part}`)]
}

/**
 * The keys of a claim. Where no cluster can have all keys of a lock on one node, they are all given, so that it refuses
 * the claim and does not grant what it cannot release.
 */
export function claimKeys(prefix: string, name: string): readonly string[] {
  const key = lockKey(prefix, name)
  return (key === "" || key.includes("}")) && !hashTag(key) ? lockKeys(prefix, name) : [key]
}

/**
 * What the other keys of a lock begin with, so that a cluster keeps them on the node of the lock's own key: the hash tag
 * of that key, if it has one; otherwise the key itself becomes the tag, which works unless it contains "}".
 */
function stem(key: string): string {
  const tag = hashTag(key)
  return tag ? `{${tag}}{${key}}` : `{${key}}`
}

/**
 * What a cluster hashes instead of the whole key: the text between the first "{" and the first "}" behind it, unless
 * that is empty. https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags
 */
function hashTag(key: string): string | undefined {
  return /^[^{]*\{([^}]+)\}/.exec(key)?.[1]
}

/** What may stand behind a name that is run once. */
const ONCE_PARTS = ["run", "result"] as const

/**
 * The keys of the scripts of `once`: the leader, the result, and the fencing counter, which is the lock's, so that one name has
 * one order.
 */
export function onceKeys(prefix: string, name: string): readonly string[] {
  const key = lockKey(prefix, name)
  return [...ONCE_PARTS.map((part) => `{${key}}:${part}`), fenceKey(key)]
}

/** The pattern that fits the keys of all locks under a prefix, and perhaps some others. */
export function lockPattern(prefix: string): string {
  return `${prefix.replace(/[\\*?[\]]/g, "\\$&")}*`
}

/** The name of the lock whose own key that is; undefined for what stands behind one, or behind all of them. */
export function nameOf(prefix: string, key: string): string | undefined {
  const isBehind =
    key.startsWith("{") && [...PARTS, ...ONCE_PARTS].some((part) => key.endsWith(`}:${part}`))
  return isBehind || key === BORN_KEY || !key.startsWith(prefix)
    ? undefined
    : key.slice(prefix.length)
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
  return `${stem(key)}:fence`
}

/** The bytes of what must not exceed `MAX_KEY_BYTES`: prefix and name, and once more the hash tag if they have one. */
function sizeOf(key: string): number {
  return new TextEncoder().encode(stem(key)).length - "{}".length
}

/** What Upstash allows a key, less the longest that is added to it. */
export const MAX_KEY_BYTES = 32_768 - "{}:holders".length

/** @throws `NotSupportedError` for a leading hyphen, `TypeError` for what is no text or another lock's key, `RangeError` for what makes too long a key. */
export function checkName(prefix: string, name: unknown): asserts name is string {
  if (typeof name !== "string") throw invalid("name", "a string", name)
  // The Web Locks standard keeps such names for itself. One rule for all calls: what one takes, another can release.
  if (name.startsWith("-")) throw notSupported("name: must not begin with a hyphen")
  const key = prefix + name
  // UTF-8 has no halves of characters: on the way all of them become the same one, and so would the locks. And under a
  // prefix that does not keep them apart, a key could be one lock and the queue of another.
  if (/\p{Surrogate}/u.test(key) || nameOf(prefix, key) === undefined) {
    throw invalid("name", "well-formed Unicode, and no part of another lock", name)
  }
  const bytes = sizeOf(key)
  if (bytes > MAX_KEY_BYTES) {
    throw new RangeError(
      `name: must have at most ${MAX_KEY_BYTES} bytes with its prefix, got ${bytes}`,
    )
  }
}

// The base of SCAN, HSCAN, SSCAN and ZSCAN: pages in the order of a hash, so that a cursor survives any change.
import { ErrorReply } from "../engine.js"
import { at, integerOf, syntaxError } from "./arguments.js"
import { globMatcher } from "./glob.js"

/** Redis returns a small collection in one page, regardless of COUNT. */
const SMALL = 128

interface ScanOptions {
  /** The lowest hash of the page. */
  readonly from: bigint
  readonly count: number
  readonly matches: (name: string) => boolean
  /** For SCAN only. */
  readonly type: string | undefined
}

interface Page<T> {
  readonly cursor: string
  readonly items: readonly T[]
}

export function scanOptions(cursor: string, options: readonly string[]): ScanOptions {
  if (!/^\d{1,20}$/.test(cursor)) throw new ErrorReply("ERR invalid cursor")
  let matches: (name: string) => boolean = () => true
  let count = 10
  let type: string | undefined
  for (let i = 0; i < options.length; i += 2) {
    const word = options[i]?.toUpperCase()
    const value = at(options, i + 1)
    if (word === "MATCH") matches = globMatcher(value)
    else if (word === "TYPE") type = value.toLowerCase()
    else if (word === "COUNT") count = integerOf(value)
    else throw syntaxError()
    if (count < 1) throw syntaxError()
  }
  return { from: BigInt(cursor), count, matches, type }
}

/** A page of a collection; a small collection is one page. */
export function scanCollection<T>(
  items: readonly T[],
  nameOf: (item: T) => string,
  options: ScanOptions,
): Page<T> {
  const page = items.length <= SMALL ? { cursor: "0", items } : scanPage(items, nameOf, options)
  return { cursor: page.cursor, items: page.items.filter((item) => options.matches(nameOf(item))) }
}

/**
 * About `count` items at and after the cursor, before any filter. An item keeps its position when others are added or
 * removed, so a loop over all pages sees every item that exists all the time.
 */
export function scanPage<T>(
  items: readonly T[],
  nameOf: (item: T) => string,
  { from, count }: ScanOptions,
): Page<T> {
  const ahead = items
    .map((item) => ({ item, hash: hashOf(nameOf(item)) }))
    .filter(({ hash }) => hash >= from)
    .sort((a, b) => a.hash - b.hash)
  const last = ahead[Math.min(count, ahead.length) - 1]
  // Items with the same hash share a page: a cursor cannot distinguish them.
  const page = ahead.filter(({ hash }) => last && hash <= last.hash)
  const isEnd = page.length === ahead.length
  return {
    cursor: isEnd || !last ? "0" : String(last.hash + 1),
    items: page.map(({ item }) => item),
  }
}

/** FNV-1a, 32 bits. */
function hashOf(name: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < name.length; i++) {
    hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  }
  return hash >>> 0
}

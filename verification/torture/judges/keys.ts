// The judge of keys: no key may ever be without a ttl, and at the end only fencing counters may be left.

/** Every key and its remaining ttl in ms; -1 for a key without a ttl. */
export type Keys = ReadonlyMap<string, number>

/** The keys without a ttl. */
export function immortal(keys: Keys): readonly string[] {
  return [...keys].filter(([, leftMs]) => leftMs < 0).map(([key]) => key)
}

/** The keys that must not exist after the longest ttl: all except for fencing counters, which live for a day. */
export function leftBehind(keys: Keys): readonly string[] {
  return [...keys.keys()].filter((key) => !key.endsWith(":fence"))
}

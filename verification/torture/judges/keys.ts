// The judge of keys: none without a ttl whenever they are looked at, and in the end none at all but the fencing counters.

/** Every key and the ms that it has left; -1 for one that would stay for ever. */
export type Keys = ReadonlyMap<string, number>

/** Those that would stay for ever. */
export function immortal(keys: Keys): readonly string[] {
  return [...keys].filter(([, leftMs]) => leftMs < 0).map(([key]) => key)
}

/** Those that must be gone when the longest ttl after the last visit is over: fencing counters live for a day. */
export function leftBehind(keys: Keys): readonly string[] {
  return [...keys.keys()].filter((key) => !key.endsWith(":fence"))
}

// What can be seen of a lock from outside.

/** A lock as `locks.inspect()` found it. It holds no token. */
export interface LockStatus {
  readonly name: string
  /** Whether somebody holds it, of this library or not. */
  readonly held: boolean
  /** How long its hold lasts unless it is extended, in milliseconds; 0 when nobody holds it, Infinity for a key without a ttl. */
  readonly remaining: number
  /** How many wait in its queue, those included that died within the last 30 s. */
  readonly waiting: number
}

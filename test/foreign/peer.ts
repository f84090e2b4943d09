// The interface to a lock of another library: take it, at once or after waiting, and release it.

/** Where the database is: over HTTP for some, over TCP for others. */
export interface Where {
  readonly url: string
  readonly token: string
  readonly redisUrl: string
}

/** A library. */
export interface Peer {
  /** With its version. */
  readonly name: string
  /** The `prefix` under which our manager uses its keys. */
  readonly prefix: string
  /** Why it cannot run on this machine. */
  readonly missing?: string
  /** Creates a client of its own, as another process would have one. */
  open(where: Where): Promise<PeerClient>
}

export interface PeerClient {
  /** Takes the lock if it is free; undefined if it is not. */
  tryTake(name: string, ttlMs: number): Promise<PeerHold | undefined>
  /** Waits for the lock in the library's own way, with frequent checks. */
  take(name: string, ttlMs: number): Promise<PeerHold>
  close(): Promise<void>
}

export interface PeerHold {
  /** Settles however the library does for an expired hold. */
  release(): Promise<unknown>
}

/** The polling interval of libraries that poll. */
export const ASK_EACH_MS = 20
/** How long they poll, at least. */
export const PATIENCE_MS = 30_000

// Work that goes on after a call has settled, and whoever must know of it.

/** Takes note of work that goes on after a call has settled; it never rejects. */
export type WaitUntil = (work: Promise<unknown>) => void

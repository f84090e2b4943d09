// The times of a run, which the judges' bounds are made of.

/** So short that what dies is soon over, and so long that a busy machine does not make everything expire. */
export const TTL_MS = 2_000

/** More than a lease, so that whoever is handed the lock has to show that it is alive. */
export const LONG_TTL_MS = 4_000

export const SHORT_TTL_MS = 300

/** The longest that one request may take. */
export const TIMEOUT_MS = 500

/** A place in the queue without a sign of life, and so whatever stands there for nobody, lives for so long. */
export const PLACE_MS = 30_000

/** What an empty queue leaves behind lives for so long. */
export const QUEUE_MS = 30_000

/**
 * The visitors of a client come one after the other in so long: all at once, they would find a machine that does nothing
 * but connect.
 */
export const ENTRY_MS = 2_000

/** What a timer is late by counts from here on. */
export const NOTEWORTHY_LAG_MS = 30

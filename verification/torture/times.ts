// The times of a run, from which the judges' bounds are derived.

/** Short, so that holds of dead clients soon end; long enough that a busy machine does not let everything expire. */
export const TTL_MS = 2_000

/** Longer than a lease, so that a waiter that gets the lock by hand-off must first prove that it is alive. */
export const LONG_TTL_MS = 4_000

export const SHORT_TTL_MS = 300

/** The longest that one request may take. */
export const TIMEOUT_MS = 500

/** How long a place in the queue lasts without a sign of life. */
export const PLACE_MS = 30_000

/** How long the remains of an empty queue last. */
export const QUEUE_MS = 30_000

/**
 * The time over which a client's visitors arrive. If all came at once, the machine would be busy with connections alone.
 */
export const ENTRY_MS = 2_000

/** A timer's delay counts if it is longer than this. */
export const NOTEWORTHY_LAG_MS = 30

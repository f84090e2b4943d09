// A reference that does not keep a handle alive, in runtimes that have such references.

/** Leads to the handle for as long as somebody else can reach it. */
export interface WeakHandle<T> {
  deref(): T | undefined
}

/**
 * Older Workers have no `WeakRef`. There a handle that was dropped cannot be told from one in use, but its timers, and
 * so its renewals, end with the request that made it.
 */
export function weakly<T extends object>(handle: T): WeakHandle<T> {
  return typeof WeakRef === "function" ? new WeakRef(handle) : { deref: () => handle }
}

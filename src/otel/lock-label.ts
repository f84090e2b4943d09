// The attribute that names a lock: only what the label function makes of the name, since names may be many, or private.
import type { Attributes } from "@opentelemetry/api"

/** Derives an attribute's value from the name of a lock; undefined for none. */
export type LockLabel = (name: string) => string | undefined

/** The attributes of a lock. A label function that fails is visible as a value, and does no other harm. */
export function attributesOf(label: LockLabel | undefined): (name: string) => Attributes {
  return (name) => {
    if (!label) return {}
    let value: unknown
    try {
      value = label(name)
    } catch {
      value = null
    }
    if (value === undefined) return {}
    return { "fetchlock.lock": typeof value === "string" ? value : "label-failed" }
  }
}

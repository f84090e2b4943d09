// Shows a received value in the message of an error.

/** A received value as it may stand in a message: its kind, and short values themselves. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 50))
  if (value === null || typeof value !== "object")
    return typeof value === "function" ? "a function" : String(value)
  return Array.isArray(value) ? "an array" : "an object"
}

/** The same without the value where that is text, for what may be a secret. */
export function showKind(value: unknown): string {
  return typeof value === "string" ? "a string" : show(value)
}

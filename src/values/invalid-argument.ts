// Errors for invalid arguments: which argument, what was expected, and what was received.
import { withoutTokens } from "./token.js"

export function invalid(argument: string, expected: string, received: unknown): TypeError {
  return new TypeError(`${argument}: must be ${expected}, got ${show(received)}`)
}

/**
 * A received value as an error message may show it: objects and functions by their kind alone, strings without lock
 * tokens, which may have been passed in the wrong place.
 */
export function show(value: unknown): string {
  return typeof value === "string"
    ? JSON.stringify(withoutTokens(value).slice(0, 50))
    : showKind(value)
}

/** The same for a value that may be a secret: strings, too, by their kind alone. */
export function showKind(value: unknown): string {
  if (typeof value === "string") return "a string"
  if (typeof value === "function") return "a function"
  if (typeof value !== "object" || value === null) return String(value).slice(0, 50)
  return Array.isArray(value) ? "an array" : "an object"
}

/** @throws `TypeError` if it is not a number, `RangeError` if it is not a positive integer. */
export function checkCount(argument: string, value: unknown): asserts value is number {
  if (typeof value !== "number") throw invalid(argument, "a number", value)
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new RangeError(`${argument}: must be a positive integer, got ${value}`)
  }
}

/** Escaped, and cut off after 100 characters. */
export function quoted(lockName: string): string {
  return JSON.stringify(lockName.length > 100 ? `${lockName.slice(0, 100)}…` : lockName)
}

export function notSupported(message: string): DOMException {
  return new DOMException(message, "NotSupportedError")
}

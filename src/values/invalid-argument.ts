// Says what is wrong with an argument: which one, what it must be, and what it was.
import { withoutTokens } from "./token.js"

/** The error for an argument that is not what it must be. */
export function invalid(argument: string, expected: string, received: unknown): TypeError {
  return new TypeError(`${argument}: must be ${expected}, got ${show(received)}`)
}

/**
 * A received value as it may stand in a message: of objects and functions only what they are. A token that was passed in
 * the wrong place stays a secret.
 */
export function show(value: unknown): string {
  return typeof value === "string"
    ? JSON.stringify(withoutTokens(value).slice(0, 50))
    : showKind(value)
}

/** The same for what may be a secret: of text, too, only what it is. */
export function showKind(value: unknown): string {
  if (typeof value === "string") return "a string"
  if (typeof value === "function") return "a function"
  if (typeof value !== "object" || value === null) return String(value).slice(0, 50)
  return Array.isArray(value) ? "an array" : "an object"
}

/** @throws `TypeError` or `RangeError` for what is no whole number from 1 on. */
export function checkCount(argument: string, value: unknown): asserts value is number {
  if (typeof value !== "number") throw invalid(argument, "a number", value)
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new RangeError(`${argument}: must be a whole number from 1 on, got ${value}`)
  }
}

/** Escaped, and not a kilobyte long. */
export function quoted(lockName: string): string {
  return JSON.stringify(lockName.length > 100 ? `${lockName.slice(0, 100)}…` : lockName)
}

export function notSupported(message: string): DOMException {
  return new DOMException(message, "NotSupportedError")
}

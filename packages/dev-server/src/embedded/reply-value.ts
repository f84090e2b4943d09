// The kinds of replies inside the embedded engine. Text is a string with one char per byte ("latin1").
import { type Bytes, bytesOf, latin1Of } from "../bytes.js"
import { ErrorReply, type Reply } from "../engine.js"

/** A status like `OK`, which Lua sees as `{ ok = … }` and not as a string. */
export class Status {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

export const OK = new Status("OK")

export type Value = string | number | bigint | null | Status | ErrorReply | readonly Value[]

/** Converts text to the engine's bytes. */
export function toBytes(text: string | Bytes): string {
  // Nearly all text is ASCII, which is the same in both.
  if (typeof text !== "string") return latin1Of(text)
  return /^[\0-\x7f]*$/.test(text) ? text : latin1Of(bytesOf(text))
}

export function toReply(value: Value): Reply {
  if (typeof value === "string") return bytesOf(value, "latin1")
  if (value instanceof Status) return bytesOf(value.text, "latin1")
  // An error may quote an argument.
  if (value instanceof ErrorReply)
    return new ErrorReply(bytesOf(value.message, "latin1").toString())
  return typeof value === "object" && value !== null ? value.map(toReply) : value
}

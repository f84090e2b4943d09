// The kinds of replies inside the embedded engine. Text is a string with one char per byte ("latin1").
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
export function toBytes(text: string | Buffer): string {
  // Nearly all text is ASCII, which is the same in both.
  if (typeof text === "string" && /^[\0-\x7f]*$/.test(text)) return text
  return Buffer.from(text as string).toString("latin1")
}

export function toReply(value: Value): Reply {
  if (typeof value === "string") return Buffer.from(value, "latin1")
  if (value instanceof Status) return Buffer.from(value.text, "latin1")
  // An error may quote an argument.
  if (value instanceof ErrorReply)
    return new ErrorReply(Buffer.from(value.message, "latin1").toString())
  return typeof value === "object" && value !== null ? value.map(toReply) : value
}

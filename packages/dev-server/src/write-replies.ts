// Writes replies as Upstash does: JSON, JSON with base64, or RESP2.
import { type Bytes, bytesOf, concatBytes } from "./bytes.js"
import { ErrorReply, type Reply } from "./engine.js"

export type Format = "json" | "base64" | "resp2"

/** `{"result": …}` or `{"error": …}`. */
export function toJson(reply: Reply, format: Format): string {
  if (reply instanceof ErrorReply) return errorJson(reply.message)
  return `{"result":${valueJson(reply, format, true)}}`
}

export function errorJson(message: string): string {
  return JSON.stringify({ error: message })
}

export function toResp2(reply: Reply): Uint8Array<ArrayBuffer> {
  if (reply === null) return bytesOf("$-1\r\n")
  if (reply instanceof ErrorReply) return bytesOf(`-${reply.message}\r\n`)
  if (typeof reply === "number" || typeof reply === "bigint") return bytesOf(`:${reply}\r\n`)
  if (!(reply instanceof Uint8Array)) {
    const items = reply
    return concatBytes([bytesOf(`*${items.length}\r\n`), ...items.map(toResp2)])
  }
  // ioredis does not distinguish a status from text. The status of nearly all commands is recognized by its text, OK.
  if (isOk(reply)) return bytesOf("+OK\r\n")
  return concatBytes([bytesOf(`$${reply.length}\r\n`), reply, bytesOf("\r\n")])
}

function valueJson(reply: Reply, format: Format, isTop: boolean): string {
  if (reply === null) return "null"
  if (typeof reply === "number" || typeof reply === "bigint") return String(reply)
  if (reply instanceof ErrorReply) return valueJson(bytesOf(reply.message), format, isTop)
  if (!(reply instanceof Uint8Array)) {
    const items = reply
    return `[${items.map((item) => valueJson(item, format, false)).join(",")}]`
  }
  if (format === "base64" && !(isTop && isOk(reply))) return `"${reply.toString("base64")}"`
  return JSON.stringify(reply.toString())
}

function isOk(text: Bytes): boolean {
  return text.length === 2 && text.toString("latin1") === "OK"
}

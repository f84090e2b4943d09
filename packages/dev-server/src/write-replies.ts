// Writes replies as Upstash does: JSON, JSON with base64, or RESP2.
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

export function toResp2(reply: Reply): Buffer<ArrayBuffer> {
  if (reply === null) return Buffer.from("$-1\r\n")
  if (reply instanceof ErrorReply) return Buffer.from(`-${reply.message}\r\n`)
  if (typeof reply === "number" || typeof reply === "bigint") return Buffer.from(`:${reply}\r\n`)
  if (!(reply instanceof Buffer)) {
    const items = reply as readonly Reply[]
    return Buffer.concat([Buffer.from(`*${items.length}\r\n`), ...items.map(toResp2)])
  }
  // ioredis does not distinguish a status from text. The status of nearly all commands is recognized by its text, OK.
  if (isOk(reply)) return Buffer.from("+OK\r\n")
  return Buffer.concat([Buffer.from(`$${reply.length}\r\n`), reply, Buffer.from("\r\n")])
}

function valueJson(reply: Reply, format: Format, isTop: boolean): string {
  if (reply === null) return "null"
  if (typeof reply === "number" || typeof reply === "bigint") return String(reply)
  if (reply instanceof ErrorReply) return valueJson(Buffer.from(reply.message), format, isTop)
  if (!(reply instanceof Buffer)) {
    const items = reply as readonly Reply[]
    return `[${items.map((item) => valueJson(item, format, false)).join(",")}]`
  }
  if (format === "base64" && !(isTop && isOk(reply))) return `"${reply.toString("base64")}"`
  return JSON.stringify(reply.toString())
}

function isOk(text: Buffer): boolean {
  return text.length === 2 && text.toString("latin1") === "OK"
}

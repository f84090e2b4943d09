// Reads the replies of commands that more than one transport sends.
import { unexpectedReply } from "./rest-error.js"
import type { ScanPage } from "./transport.js"

/** The reply of `SET … NX`: whether the key is set now. */
export function readSet(reply: unknown): boolean {
  if (reply !== "OK" && reply !== null) throw unexpectedReply()
  return reply === "OK"
}

/** The reply of SCAN. */
export function readScanPage(reply: unknown): ScanPage {
  const [next, keys] = Array.isArray(reply) ? (reply as unknown[]) : []
  if (!Array.isArray(keys) || !/^\d+$/.test(String(next))) throw unexpectedReply()
  return { next: String(next), keys: keys.map(String) }
}

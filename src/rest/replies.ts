// Reads the replies of commands that more than one transport sends.
import { unexpectedReply } from "./rest-error.js"
import type { ScanPage } from "./transport.js"

/** The reply of SCAN. */
export function readScanPage(reply: unknown): ScanPage {
  const [given, keys] = Array.isArray(reply) ? (reply as unknown[]) : []
  const next = typeof given === "number" ? String(given) : given
  if (!isText(next) || !/^\d+$/.test(next) || !Array.isArray(keys) || !keys.every(isText)) {
    throw unexpectedReply()
  }
  return { next, keys }
}

function isText(value: unknown): value is string {
  return typeof value === "string"
}

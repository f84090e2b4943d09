// The header that carries a hold's token: `Lock-Token: <fetchlock:fl_…>`, a Coded-URL.
// https://www.rfc-editor.org/rfc/rfc4918#section-10.5
import { TOKEN } from "../../values/token.js"
import { badRequest } from "./refusal.js"

export const LOCK_TOKEN = "Lock-Token"

export function writeLockToken(token: string): string {
  return `<fetchlock:${token}>`
}

/** @throws Refusal, which does not repeat what was sent. */
export function readLockToken(header: string | undefined): string {
  if (header === undefined) {
    throw badRequest("Lock-Token: this header is missing; send what the acquire answered")
  }
  const token = /^<fetchlock:(.*)>$/.exec(header.trim())?.[1] ?? ""
  if (!TOKEN.test(token)) {
    throw badRequest("Lock-Token: must be what the acquire answered, with its angle brackets")
  }
  return token
}

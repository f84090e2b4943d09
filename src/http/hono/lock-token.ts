// The header that carries a hold's token: `Lock-Token: <fetchlock:fl_…>`, a Coded-URL.
// https://www.rfc-editor.org/rfc/rfc4918#section-10.5
import { TOKEN } from "../../values/token.js"
import { badRequest } from "./refusal.js"

export const LOCK_TOKEN = "Lock-Token"

export function writeLockToken(token: string): string {
  return `<fetchlock:${token}>`
}

/** @throws Refusal, which does not repeat the header. */
export function readLockToken(header: string | undefined): string {
  if (header === undefined) {
    throw badRequest(
      "Lock-Token: this header is missing; send the value from the acquire's response",
    )
  }
  const token = /^<fetchlock:(.*)>$/.exec(header.trim())?.[1] ?? ""
  if (!TOKEN.test(token)) {
    throw badRequest(
      "Lock-Token: must be the value from the acquire's response, with its angle brackets",
    )
  }
  return token
}

// How a steal identifies the hold that it found: see steal.lua.
import { createHash } from "node:crypto"

export function digestOf(holder: string): string {
  return createHash("sha1").update(holder).digest("hex")
}

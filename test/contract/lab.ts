// The fixture of each part of the contract: one variant, opened for all of its tests.
import { afterAll, beforeAll } from "vitest"
import type { Opened, Variant } from "../support/variants.js"

export interface Lab extends Opened {
  readonly variant: Variant
  /** A name that no other test uses. */
  readonly name: () => string
}

/** Opens the variant before the tests of the describe block that calls it, and closes it after them. */
export function openLab(variant: Variant): () => Lab {
  let lab: Lab | undefined
  let names = 0
  beforeAll(async () => {
    lab = { ...(await variant.open()), variant, name: () => `name-${String(names++)}` }
  })
  afterAll(() => lab?.close())
  return () => {
    if (!lab) throw new Error("the variant is not open yet")
    return lab
  }
}

/** Holds the lock as a foreign client does, with a plain value; forever if there is no ttl. */
export async function holdAsStranger(lab: Opened, name: string, ttlMs?: number): Promise<string> {
  const value = `stranger-${Math.random().toString(36).slice(2)}`
  const expiry = ttlMs === undefined ? [] : ["PX", String(ttlMs)]
  await lab.command("SET", `lock:${name}`, value, ...expiry)
  return value
}

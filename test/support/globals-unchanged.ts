// For each file that shares its process with others: checks that it leaves all globals as it found them.
import { afterAll, expect } from "vitest"

const GLOBALS = [
  "Request",
  "Response",
  "fetch",
  "setTimeout",
  "clearTimeout",
  "setInterval",
  "Date",
] as const

/** Globals that a file might replace and forget. */
function current(): readonly unknown[] {
  const methods: readonly [object, string][] = [
    [Date, "now"],
    [Math, "random"],
    [performance, "now"],
  ]
  return [
    ...GLOBALS.map((name) => globalThis[name]),
    ...methods.map(([owner, name]) => Reflect.get(owner, name) as unknown),
  ]
}

const before = current()

afterAll(() => {
  const after = current()
  expect(after.map((value, index) => value === before[index])).toEqual(before.map(() => true))
})

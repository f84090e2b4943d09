// Programs of users whose project is CommonJS. As text, since they are not modules of this project.

/** `import()` works with every version. */
export const DYNAMIC_IMPORT = `
import type { Lock } from "fetchlock" with { "resolution-mode": "import" }

export const acquire = async (name: string): Promise<Lock> => {
  const { LockManager } = await import("fetchlock")
  return LockManager.fromEnv().acquire(name)
}
`

/** A plain import, which becomes a `require`. */
export const PLAIN_IMPORT = `
import { LockManager } from "fetchlock"
import { once } from "fetchlock/once"

const locks = LockManager.fromEnv()

export const report = (): Promise<number> => once(locks, "report", () => Promise.resolve(1))
`

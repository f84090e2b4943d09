// The suite as a function of the global scope, for Vercel's edge-runtime.
import { LockManager } from "fetchlock"
import { runSuite } from "./suite.js"

Object.assign(globalThis, {
  runMatrix: async (url: string, token: string) =>
    JSON.stringify(await runSuite(new LockManager({ redis: { url, token } }))),
})

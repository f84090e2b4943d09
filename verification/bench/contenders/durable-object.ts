// For orientation: a Durable Object as a lock, in workerd, as one might write it by hand.
import { Isolate } from "../../../test/workerd/isolate.js"
import type { Contender } from "./contender.js"

const WORKER = new URL("durable-object-worker.ts", import.meta.url)

export const durableObject: Contender = {
  name: "Durable Object (workerd)",
  isRest: false,
  hasPermits: false,
  isNotified: true,
  prepare: async (testbed) => {
    const durableObjects = { LOCKS: "LockObject" }
    const isolate = await Isolate.start({ worker: WORKER, env: {}, durableObjects })
    const url = `http://${await testbed.wireTo(Number(isolate.url.port))}`
    return { place: { ...testbed, url }, close: () => isolate.stop() }
  },
  open: ({ url }) => {
    const ask = async (path: string) => {
      const response = await fetch(`${url}${path}`, { method: "POST" })
      const text = await response.text()
      if (response.status !== 200) throw new Error(`the Durable Object answered ${response.status}`)
      return text
    }
    return {
      acquire: async (name) => {
        const token = await ask(`/${name}/acquire`)
        return () => ask(`/${name}/release?token=${token}`)
      },
    }
  },
}

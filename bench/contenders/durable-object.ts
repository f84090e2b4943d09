// For orientation: a Durable Object as a lock, in workerd, as one might write it by hand.
import { startWorker } from "../testbed/worker.js"
import type { Contender } from "./contender.js"

const WORKER = new URL("durable-object-worker.ts", import.meta.url)

export const durableObject: Contender = {
  name: "Durable Object (workerd)",
  isRest: false,
  hasPermits: false,
  isTold: true,
  prepare: async (testbed) => {
    const worker = await startWorker(WORKER, { durableObjects: { LOCKS: "LockObject" } })
    const { port } = await worker.ready
    const url = `http://${await testbed.wireTo(Number(port))}`
    return { place: { ...testbed, url }, close: () => worker.dispose() }
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

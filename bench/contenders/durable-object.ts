// For orientation: a Durable Object as a lock, in workerd, as one might write it by hand.
import { fileURLToPath } from "node:url"
import { build } from "esbuild"
import { Miniflare } from "miniflare"
import type { Contender } from "./contender.js"

const WORKER = fileURLToPath(new URL("durable-object-worker.ts", import.meta.url))

export const durableObject: Contender = {
  name: "Durable Object (workerd)",
  isRest: false,
  hasPermits: false,
  isTold: true,
  prepare: async (testbed) => {
    const { outputFiles } = await build({
      entryPoints: [WORKER],
      bundle: true,
      format: "esm",
      write: false,
    })
    const miniflare = new Miniflare({
      modules: true,
      script: outputFiles[0]?.text ?? "",
      compatibilityDate: "2026-04-01",
      durableObjects: { LOCKS: "LockObject" },
      cf: false,
    })
    const { port } = await miniflare.ready
    const url = `http://${await testbed.wireTo(Number(port))}`
    return { place: { ...testbed, url }, close: () => miniflare.dispose() }
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

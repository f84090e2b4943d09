// `npm run dev`: the example Worker under `wrangler dev`, on a local server in place of Upstash, until Ctrl-C.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { startDevServer } from "@fetchlock/dev-server"

const { values } = parseArgs({ options: { port: { type: "string", default: "8787" } } })
const worker = `http://127.0.0.1:${values.port}`
const database = await startDevServer({ port: 0 })

process.stdout.write(`
A local server replaces Upstash Redis at ${database.url}.
Once wrangler is ready:

  # buy a seat
  curl -X POST ${worker}/shows/hamlet/seats
  # ten buyers at once
  curl -Z -X POST "${worker}/shows/hamlet/seats?buyer=[1-10]"
  # empty the house: 204, or 409 while somebody buys
  curl -i -X DELETE ${worker}/shows/hamlet/seats

Press Ctrl-C to stop both.

`)

// Not through npx, which a signal would end while wrangler keeps running.
const wrangler = spawn(
  process.execPath,
  [
    fileURLToPath(new URL("../node_modules/wrangler/bin/wrangler.js", import.meta.url)),
    ...["dev", "--local", "--ip", "127.0.0.1", "--port", values.port],
    ...["--show-interactive-dev-session", "false"],
    ...["--var", `UPSTASH_REDIS_REST_URL:${database.url}`],
    ...["--var", `UPSTASH_REDIS_REST_TOKEN:${database.token}`],
  ],
  {
    stdio: "inherit",
    // Without access to the network.
    env: {
      ...process.env,
      WRANGLER_SEND_METRICS: "false",
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
    },
  },
)
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => wrangler.kill(signal))
}

const [code] = (await once(wrangler, "exit")) as [number | null]
await database.close()
process.exitCode = code ?? 0

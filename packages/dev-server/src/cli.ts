// The command line of the local server: `fetchlock-dev-server`, and `fetchlock dev`, which imports this module.
import { readFileSync } from "node:fs"
import { Command, InvalidArgumentError, Option } from "commander"
import type { DevServerOptions } from "./options.js"
import { type DevServer, startDevServer } from "./server.js"

type Flags = Omit<DevServerOptions, "allowedHosts"> & { readonly allowHost?: readonly string[] }

/**
 * Starts the server with the options of the command line. Never throws: an invalid option, or a port in use, ends the
 * process with a message.
 *
 * @param args the arguments after the command's name
 * @param name the name of the command, for its help
 * @example
 * ```ts
 * import { run } from "@fetchlock/dev-server/cli"
 *
 * await run(["--port", "8079"])
 * ```
 */
export async function run(args: readonly string[], name = "fetchlock-dev-server"): Promise<void> {
  await new Command(name)
    .description("Start a local server with Upstash's REST API.")
    .version(versionOfPackage())
    .option("-p, --port <number>", "port to listen on; 0 picks a free one", parsePort, 8079)
    .option("--hostname <address>", "address to listen on", "127.0.0.1")
    .option("--allow-host <name...>", "further hosts that requests may name in their Host header")
    .addOption(
      new Option("--token <text>", "token that requests must carry (default: random)").env(
        "FETCHLOCK_DEV_TOKEN",
      ),
    )
    .addOption(
      new Option("--redis <url>", "use a real Redis, as redis://… (default: in memory)").env(
        "FETCHLOCK_DEV_REDIS",
      ),
    )
    .addHelpText(
      "after",
      "\nOther users of this machine can read flags, for example with `ps`. Use the environment variables for secrets.",
    )
    .action(dev)
    .parseAsync(args, { from: "user" })
}

async function dev({ allowHost = [], ...options }: Flags): Promise<void> {
  let server: DevServer
  try {
    server = await startDevServer({ ...options, allowedHosts: allowHost })
  } catch (error) {
    console.error(`fetchlock: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
    return
  }
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      // Once it has closed, nothing keeps the process alive.
      void server.close()
    })
  }
  const engine = options.redis === undefined ? "in memory, lost when it stops" : "a real Redis"
  console.log(`fetchlock dev is listening on ${server.url} (${engine})

UPSTASH_REDIS_REST_URL=${server.url}
UPSTASH_REDIS_REST_TOKEN=${server.token}

Press Ctrl-C to stop.`)
}

function parsePort(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65535)
    throw new InvalidArgumentError("It must be an integer from 0 to 65535.")
  return port
}

function versionOfPackage(): string {
  const file = new URL("../package.json", import.meta.url)
  const manifest = JSON.parse(readFileSync(file, "utf8")) as { version: string }
  return manifest.version
}

// Servers of others that speak Upstash's REST API. None is installed here: the environment says where they are.
import process from "node:process"
import { type ClientName, type Database, reachedBy, sendCommand, type Variant } from "./variants.js"

/**
 * `FETCHLOCK_TEST_URLS`: their addresses, separated by spaces, each over an empty database of its own, which the tests
 * empty again. `FETCHLOCK_TEST_TOKEN`: the token of all of them.
 */
const { FETCHLOCK_TEST_URLS: given = "", FETCHLOCK_TEST_TOKEN: token = "" } = process.env
const urls = given.split(" ").filter((url) => url !== "")

/** One for each client; none without an address. */
export const foreignServers: readonly Variant[] =
  urls.length === 0 ? [] : [foreignServer("fetch client"), foreignServer("@upstash/redis")]

function foreignServer(client: ClientName): Variant {
  return {
    name: `an independent server, ${client}`,
    engine: "real Redis",
    client,
    push: true,
    hasQueue: true,
    isAvailable: true,
    open: async () => reachedBy(await openNext(), client, true),
  }
}

/** The next server that no test uses. */
async function openNext(): Promise<Database> {
  const url = urls.pop()
  if (url === undefined) throw new Error("FETCHLOCK_TEST_URLS: too few servers")
  const command = (...parts: readonly string[]) => sendCommand(url, parts, token)
  await command("FLUSHALL")
  const close = () => {
    urls.push(url)
    return Promise.resolve()
  }
  return { url, token, redisUrl: undefined, command, close }
}

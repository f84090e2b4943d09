// The network of the playground: what arrives has traveled, and what is broken breaks.
import { expect, onTestFinished, test } from "vitest"
import { openEmbeddedServer } from "../../packages/dev-server/src/embedded-server.js"
import { Network } from "../playground/network.js"

const LATENCY_MS = 20

async function setUp() {
  const server = await openEmbeddedServer()
  const network = new Network(server)
  onTestFinished(() => {
    network.close()
  })
  const headers = { Authorization: `Bearer ${server.token}` }
  const { fetch } = network.connect("ada")
  const ask = (...command: string[]) =>
    fetch(server.url, { method: "POST", headers, body: JSON.stringify(command) })
  const listen = async () => {
    const response = await fetch(`${server.url}/subscribe/news`, { headers })
    if (!response.body) throw new Error("there is no stream")
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    expect((await reader.read()).value).toContain("subscribe,news")
    return reader
  }
  /** Without the network. */
  const publish = () =>
    server.fetch(server.url, {
      method: "POST",
      headers,
      body: JSON.stringify(["PUBLISH", "news", "hello"]),
    })
  return { network, ask, listen, publish }
}

test("a message of a stream travels as long as a reply does", async () => {
  const { listen, publish } = await setUp()
  const reader = await listen()
  const sentAt = performance.now()
  await publish()
  expect((await reader.read()).value).toContain("hello")
  expect(performance.now() - sentAt).toBeGreaterThanOrEqual(LATENCY_MS - 1)
})

test("a lost reply belongs to a command that was executed", async () => {
  const { network, ask } = await setUp()
  network.faults.loseReplies = true
  const outcomes = []
  for (let count = 1; count <= 6; count++) {
    outcomes.push(await ask("INCR", "visits").then(({ status }) => status, String))
  }
  const lost = "TypeError: the connection was reset"
  expect(outcomes).toEqual([200, 200, lost, 200, 200, lost])
  network.faults.loseReplies = false
  expect(await (await ask("GET", "visits")).json()).toEqual({ result: "6" })
})

test("a stream that is cut ends with an error for its listener", async () => {
  const { network, listen } = await setUp()
  const reader = await listen()
  network.faults.cutStreams = true
  await expect(reader.read()).rejects.toThrow("the stream broke")
  expect(network.traffic.cut).toBe(1)
})

// Web pages of other sites, which a developer may have open, get nothing from the local server.
import { once } from "node:events"
import { type IncomingMessage, request } from "node:http"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type DevServer, startDevServer } from "../src/index.js"
import { TOKEN } from "./engines.js"

type Headers = Readonly<Record<string, string>>

describe("a request to the local server", () => {
  let server: DevServer
  beforeAll(async () => {
    const allowedHosts = ["host.docker.internal", "192.0.2.7", "2001:db8::7"]
    server = await startDevServer({ port: 0, token: TOKEN, allowedHosts })
  })
  afterAll(() => server.close())

  const ask = async (headers: Headers, path = "/ping", method = "GET") => {
    const authorization = path.includes("_token") ? {} : { Authorization: `Bearer ${TOKEN}` }
    const all = { ...authorization, ...headers }
    // Not with fetch, which always sends its own Host header.
    const sent = request({ host: "127.0.0.1", port: server.port, path, method, headers: all })
    sent.end()
    const [response] = (await once(sent, "response")) as [IncomingMessage]
    const chunks = (await response.toArray()) as Buffer[]
    return { status: response.statusCode, text: Buffer.concat(chunks).toString() }
  }

  it.each([
    "127.0.0.1",
    "127.0.0.1:8079",
    "127.1.2.3:80",
    "localhost:8079",
    "LOCALHOST.",
    "app.localhost:1",
    "[::1]:8079",
    "host.docker.internal:8079",
    "192.0.2.7",
    "[2001:db8::7]:8079",
  ])("is served if its Host is %s", async (Host) => {
    expect(await ask({ Host })).toEqual({ status: 200, text: '{"result":"PONG"}' })
  })

  it.each([
    "evil.example",
    "evil.example:8079",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "127.evil.example",
    "192.0.2.8",
  ])("is refused on every path if its Host is %j", async (Host) => {
    for (const path of ["/ping", "/pipeline", "/subscribe/c", `/get/k?_token=${TOKEN}`]) {
      const { status, text } = await ask({ Host }, path)
      expect({ path, status }).toEqual({ path, status: 403 })
      expect(text).toContain("allowedHosts")
    }
  })

  it.each([
    "https://evil.example",
    "http://localhost:1",
    "http://127.0.0.1.evil.example",
    "https://127.0.0.1",
    "null",
    "file://",
  ])("is refused if its Origin is %s, with any method and token", async (Origin) => {
    for (const method of ["GET", "POST", "PUT"]) {
      for (const path of ["/ping", `/ping?_token=${TOKEN}`]) {
        expect((await ask({ Origin }, path, method)).status).toBe(403)
      }
    }
  })

  it("is refused before its token is read, so that a page cannot guess tokens", async () => {
    const refused = await ask({ Origin: "https://evil.example" }, "/ping?_token=wrong")
    expect(refused.status).toBe(403)
  })

  it("is served if its Origin is the server itself", async () => {
    const Host = `127.0.0.1:${server.port}`
    expect((await ask({ Host, Origin: `http://${Host}` })).status).toBe(200)
  })

  it("is refused if the browser reports that another site sent it, with or without an Origin", async () => {
    for (const site of ["cross-site", "same-site"]) {
      const path = `/set/k/v?_token=${TOKEN}`
      expect((await ask({ "Sec-Fetch-Site": site }, path)).status).toBe(403)
    }
  })
})

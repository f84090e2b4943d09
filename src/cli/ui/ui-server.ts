// Serves the page on the loopback interface, only to the browser that was given its address.
import { timingSafeEqual } from "node:crypto"
import { readFileSync } from "node:fs"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { UsageError } from "../failure.js"
import type { Observer } from "./observer.js"

const HOSTNAME = "127.0.0.1"
/** The longest body of a request: a name has at most 32 KB. */
const LONGEST_BODY = 100_000

const FILES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  "/": ["index.html", "text/html; charset=utf-8"],
  "/app.js": ["app.js", "text/javascript; charset=utf-8"],
  "/style.css": ["style.css", "text/css; charset=utf-8"],
  "/icon.svg": ["icon.svg", "image/svg+xml"],
}

const HEADERS = {
  "Content-Security-Policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join("; "),
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cache-Control": "no-store",
}

export interface UiServer {
  readonly port: number
  close(): void
}

/** @param token what requests for data must carry */
export async function startUiServer(
  observer: Observer,
  token: string,
  port: number,
): Promise<UiServer> {
  const server = createServer((request, response) => {
    answer(observer, token, request, response).catch((error: unknown) => {
      const status = error instanceof InvalidRequest ? 400 : 500
      if (response.headersSent) response.destroy()
      else send(response, status, { error: error instanceof Error ? error.message : "failed" })
    })
  })
  await listen(server, port)
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  return { port: (server.address() as AddressInfo).port, close }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", ({ code = "failed" }: NodeJS.ErrnoException) => {
      reject(new UsageError(`--port: cannot listen on ${HOSTNAME}:${port}: ${code}`))
    })
    server.listen(port, HOSTNAME, resolve)
  })
}

async function answer(
  observer: Observer,
  token: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = "GET", url = "/" } = request
  if (!isForUs(request)) {
    send(response, 403, { error: "this page is only for the browser on this machine" })
    return
  }
  const { pathname, searchParams } = new URL(`http://${HOSTNAME}${url}`)
  const file = FILES[pathname]
  if (file && method === "GET") {
    response.writeHead(200, { ...HEADERS, "Content-Type": file[1] })
    response.end(readFileSync(join(import.meta.dirname, "page", file[0])))
    return
  }
  if (!isAuthorized(request, token)) {
    send(response, 401, { error: "open the address that `fetchlock ui` has printed" })
    return
  }
  if (pathname === "/api/state" && method === "GET") {
    const page = Number(searchParams.get("page") ?? 0)
    const filter = searchParams.get("filter") ?? ""
    send(response, 200, await observer.state({ filter, page: Number.isInteger(page) ? page : 0 }))
  } else if (pathname === "/api/look" && method === "POST") {
    const { name } = await readRequest(request)
    send(response, 200, await observer.look(name))
  } else if (pathname === "/api/end" && method === "POST") {
    const { name, holdIds } = await readRequest(request)
    const other = await observer.end(name, holdIds)
    send(response, other ? 409 : 200, other ?? {})
  } else send(response, 404, { error: "not found" })
}

/**
 * Whether the request was meant for this server, and comes from its own page. A page of another site reaches it under a
 * name of that site's (DNS rebinding), or with its own origin.
 */
function isForUs({ headers, socket, method }: IncomingMessage): boolean {
  const port = String(socket.localPort)
  const hosts = [`${HOSTNAME}:${port}`, `localhost:${port}`]
  const { host = "", origin } = headers
  if (!hosts.includes(host.toLowerCase())) return false
  const site = headers["sec-fetch-site"]
  if (site !== undefined && site !== "same-origin" && site !== "none") return false
  // Browsers send an origin with every POST.
  return origin === undefined
    ? method === "GET"
    : origin.toLowerCase() === `http://${host.toLowerCase()}`
}

function isAuthorized({ headers }: IncomingMessage, token: string): boolean {
  const given = Buffer.from(headers.authorization ?? "")
  const wanted = Buffer.from(`Bearer ${token}`)
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

class InvalidRequest extends Error {}

async function readRequest(request: IncomingMessage): Promise<{ name: string; holdIds: string[] }> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request) {
    length += (chunk as Buffer).length
    // Read to its end all the same, so that its sender gets the reply.
    if (length <= LONGEST_BODY) chunks.push(chunk as Buffer)
  }
  if (length > LONGEST_BODY) throw new InvalidRequest("the request is too long")
  const body = parse(Buffer.concat(chunks).toString()) as Record<string, unknown> | null
  const { name, holdIds = [] } = body ?? {}
  const isList = Array.isArray(holdIds) && holdIds.every((id) => typeof id === "string")
  if (typeof name !== "string" || !isList) throw new InvalidRequest("the request is not valid")
  return { name, holdIds }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new InvalidRequest("the request is not valid JSON")
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { ...HEADERS, "Content-Type": "application/json; charset=utf-8" })
  response.end(JSON.stringify(body))
}

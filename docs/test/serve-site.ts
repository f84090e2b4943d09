// Serves the built site on a free port of this machine, as a host of static files does.
import { once } from "node:events"
import { readFile } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { extname, join, normalize } from "node:path"
import { DIST } from "./site.js"

const TYPES: Record<string, string> = {
  ".css": "text/css",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".json": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".woff2": "font/woff2",
}

export interface SiteServer {
  readonly url: string
  close(): void
}

export async function serveSite(): Promise<SiteServer> {
  const server = createServer((request, response) => {
    void read(decodeURI(new URL(request.url ?? "/", "http://site.test").pathname)).then(
      ({ status, type, body }) => response.writeHead(status, { "Content-Type": type }).end(body),
    )
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

async function read(path: string): Promise<{ status: number; type: string; body: Buffer }> {
  const file = normalize(path.endsWith("/") ? `${path}index.html` : path)
  for (const candidate of extname(file) in TYPES ? [file] : [`${file}.html`, file]) {
    const body = await readFile(join(DIST, candidate)).catch(() => null)
    const type = TYPES[extname(candidate)] ?? "application/octet-stream"
    if (body) return { status: 200, type, body }
  }
  return { status: 404, type: "text/html", body: await readFile(join(DIST, "404.html")) }
}

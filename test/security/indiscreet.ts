// Databases that fail and repeat the request: in replies, in bodies, in errors of `fetch`.
import type { Fetch } from "../../src/index.js"
import { type AddressInfo, createServer, type Server } from "node:net"

const said = (init: RequestInit) => JSON.stringify([init.headers, init.body])

const reply = (status: number, body: string) => Promise.resolve(new Response(body, { status }))

const refusal =
  (status: number): Fetch =>
  (_, init) =>
    reply(status, JSON.stringify({ error: `ERR no, I was told ${said(init)}` }))

/** By their kind of failure. */
export const INDISCREET: Readonly<Record<string, Fetch>> = {
  "refuses with 200": refusal(200),
  "refuses with 400": refusal(400),
  "refuses with 401": refusal(401),
  "fails with 500": refusal(500),
  "answers an error in the form of Upstash": (_, { body }) =>
    reply(400, JSON.stringify({ error: `ERR syntax, command was: ${body as string}` })),
  "answers each command of a pipeline with an error": (_, init) =>
    reply(200, JSON.stringify([{ error: said(init) }, { error: said(init) }])),
  "answers the request": (_, init) => reply(200, said(init)),
  "answers the request as a result": (_, init) =>
    reply(200, JSON.stringify({ result: said(init) })),
  "answers the request as a list": (_, { body }) => reply(200, `{"result":${body as string}}`),
  "answers with the request as its reason": (_, init) =>
    Promise.resolve(new Response("", { status: 500, statusText: said(init).slice(0, 500) })),
  "never answers": (_, { signal }) =>
    new Promise((__, reject) => {
      signal?.addEventListener("abort", () => {
        reject(signal.reason as Error)
      })
    }),
  "throws what it was given": (url, init) => {
    const cause = Object.assign(new Error(said(init)), { url, init })
    throw Object.assign(new Error(`no network for ${said(init)}`, { cause }), { init })
  },
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- that is the point
  "rejects with the request": (_, init) => Promise.reject(init),
}

/** A server that is not HTTP, and sends back whatever it gets. */
export async function echoServer(): Promise<{ url: string; server: Server }> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined).pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server }
}

// An HTTP proxy on loopback that injects the faults of networks: it loses, delays, duplicates and garbles requests.
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as sendRequest,
  type Server,
  type ServerResponse,
} from "node:http"
import { setMaxListeners } from "node:events"
import type { AddressInfo } from "node:net"
import { operationOf, stepOf } from "./operation.js"
import { isStreamFault, passStream, type StreamFault } from "./stream-faults.js"

/** How a connection breaks: closed in good order, or reset. */
type Break = "close" | "reset"

/** A fault of a request. Plain data, so that a plan can be printed and replayed. */
export type Fault = RequestFault | StreamFault

type RequestFault =
  /** It never arrives, and the connection breaks. */
  | { readonly kind: "request-lost"; readonly by?: Break }
  /** It is executed, and the connection breaks instead of a reply. */
  | { readonly kind: "reply-lost"; readonly by?: Break }
  /** It arrives late and is executed then, whether or not its sender still waits for the reply. */
  | { readonly kind: "request-delayed"; readonly ms: number }
  /** It is executed at once, and its reply comes late. */
  | { readonly kind: "reply-delayed"; readonly ms: number }
  /** It is executed again, after the given time; the reply is that of the first execution, or of the second. */
  | { readonly kind: "doubled"; readonly ms: number; readonly answer: "first" | "second" }
  /** Half of the reply arrives: then the connection breaks, or the half counts as the whole. */
  | { readonly kind: "truncated"; readonly framing: "broken" | "intact" }
  /** A gateway replies in the database's place, after the execution or instead of it. */
  | {
      readonly kind: "replaced"
      readonly executed: boolean
      readonly status: number
      readonly body: string
      readonly headers?: Readonly<Record<string, string>>
    }
  /** No reply ever comes, or it never gets beyond half of its body. */
  | { readonly kind: "hang"; readonly executed: boolean; readonly after: "nothing" | "half" }

/** A request as the proxy saw it. */
export interface SeenRequest {
  /** Its place among all requests, starting with 0. */
  readonly index: number
  /** When it came, by `performance.now()`. */
  readonly atMs: number
  /** Its operation: `SET`, the name of the script it runs, … One for each command of a pipeline. */
  readonly operations: readonly string[]
  /** The same with the step: `acquire: check`. */
  readonly steps: readonly string[]
  readonly commands: readonly (readonly string[])[]
  readonly fault: Fault | undefined
  /** The replies of the database, one for each execution. */
  readonly answers: readonly string[]
}

/** Decides on the fault of a request; undefined: none. */
export type Plan = (request: Omit<SeenRequest, "fault" | "answers">) => Fault | undefined

/** The n-th request for `operation`, or for that step of one, suffers the n-th fault; later requests suffer none. */
export function inOrder(operation: string, ...faults: readonly (Fault | undefined)[]): Plan {
  let n = 0
  return (request) => (asksFor(request, operation) ? faults[n++] : undefined)
}

/** Each request for `operation`, or for that step of one, suffers the fault. */
export function always(operation: string, fault: Fault): Plan {
  return (request) => (asksFor(request, operation) ? fault : undefined)
}

/** Whether a request is for that operation, or for that step of one. */
export function asksFor(
  { operations, steps }: Pick<SeenRequest, "operations" | "steps">,
  wanted: string,
): boolean {
  return operations.includes(wanted) || steps.includes(wanted)
}

/** Every request suffers the fault. */
export function everything(fault: Fault): Plan {
  return () => fault
}

/** Each connection has its own framing of a body. */
const FRAMING = ["content-length", "transfer-encoding", "connection", "keep-alive"]

/** No request suffers a fault. */
export const nothing: Plan = () => undefined

/** Replaces a command before it is executed; it may return the same command. */
export type Rewrite = (command: readonly string[]) => readonly string[]

/** A request that the database has answered. */
export interface Execution {
  readonly commands: readonly (readonly string[])[]
  readonly headers: IncomingHttpHeaders
  readonly answer: string
}

export interface ProxyOptions {
  readonly rewrite?: Rewrite
  /** Responds to everything except streams in the place of the server, which saves the second way over the network. */
  readonly handler?: (request: Request) => Response | Promise<Response>
  /** Called for each execution: none, one or two for a request. */
  readonly onExecution?: (execution: Execution) => void
}

interface Incoming {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** A test's view of a proxy. */
export interface Faults {
  /** Decides on the faults from now on. */
  plan: Plan
  readonly log: SeenRequest[]
  /** The requests for an operation, or for a step of one. */
  seen(operation: string): readonly SeenRequest[]
  /** Resolves when nothing is in flight any more, including late executions. */
  settled(): Promise<void>
}

export class FaultProxy implements Faults {
  readonly url: string
  readonly log: SeenRequest[] = []
  /** Decides on the faults from now on. */
  plan: Plan = nothing

  readonly #target: URL
  readonly #options: ProxyOptions
  readonly #server: Server
  readonly #agent = new Agent({ keepAlive: true })
  readonly #unsettled = new Set<Promise<void>>()
  readonly #closing = new AbortController()

  /** A proxy before the server at `target`, on a free port. */
  static async open(target: string, options: ProxyOptions = {}): Promise<FaultProxy> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    return new FaultProxy(new URL(target), server, options)
  }

  private constructor(target: URL, server: Server, options: ProxyOptions) {
    this.#target = target
    this.#options = options
    this.#server = server
    // Each request and stream in flight listens to it.
    setMaxListeners(0, this.#closing.signal)
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      const handled = this.#handle(request, response).catch((error: unknown) => {
        // The target is gone or the proxy closes: a waiting client sees a broken connection.
        response.destroy(error as Error)
      })
      this.#unsettled.add(handled)
      void handled.finally(() => this.#unsettled.delete(handled))
    })
  }

  /** The requests for an operation, or for a step of one. */
  seen(operation: string): readonly SeenRequest[] {
    return this.log.filter((request) => asksFor(request, operation))
  }

  /** Resolves when nothing is in flight any more, including late executions. */
  async settled(): Promise<void> {
    while (this.#unsettled.size > 0) await Promise.all(this.#unsettled)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#agent.destroy()
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readAll(request)
    const { method = "POST", url: path = "/", headers } = request
    const commands = readCommands(path, body)
    const incoming: Incoming = { method, path, headers, body: this.#rewritten(path, body) }
    const facts = {
      index: this.log.length,
      atMs: performance.now(),
      commands,
      operations: commands.map(operationOf),
      steps: commands.map(stepOf),
    }
    const answers: string[] = []
    const fault = this.plan(facts)
    this.log.push({ ...facts, fault, answers })
    const execute = async () => {
      const answer = await this.#execute(incoming)
      const text = answer.body.toString()
      this.#options.onExecution?.({ commands, headers, answer: text })
      answers.push(text)
      return answer
    }
    if (isStreamFault(fault)) this.#pipe(incoming, response, fault)
    else if (headers.accept === "text/event-stream" && mayOpen(fault)) {
      if (fault) await this.#delay(fault.ms)
      this.#pipe(incoming, response)
    } else if (fault) await this.#suffer(fault, execute, response)
    else send(response, await execute())
  }

  #rewritten(path: string, body: Buffer): Buffer {
    const { rewrite } = this.#options
    if (!rewrite || (path !== "/" && path !== "/pipeline")) return body
    const commands = readCommands(path, body).map(rewrite)
    return Buffer.from(JSON.stringify(path === "/" ? commands[0] : commands))
  }

  async #suffer(fault: RequestFault, execute: () => Promise<Answer>, response: ServerResponse) {
    switch (fault.kind) {
      case "request-lost":
        breakOff(response, fault.by)
        return
      case "reply-lost":
        await execute()
        breakOff(response, fault.by)
        return
      case "request-delayed":
        await this.#delay(fault.ms)
        send(response, await execute())
        return
      case "reply-delayed": {
        const answer = await execute()
        await this.#delay(fault.ms)
        send(response, answer)
        return
      }
      case "doubled": {
        const first = await execute()
        if (fault.answer === "first") send(response, first)
        await this.#delay(fault.ms)
        const second = await execute()
        if (fault.answer === "second") send(response, second)
        return
      }
      case "truncated": {
        const { status, body } = await execute()
        const half = body.subarray(0, body.length / 2)
        if (fault.framing === "intact") send(response, { status, headers: {}, body: half })
        else sendHalf(response, status, body, () => response.destroy())
        return
      }
      case "replaced": {
        if (fault.executed) await execute()
        const { status, headers = {}, body } = fault
        send(response, { status, headers, body: Buffer.from(body) })
        return
      }
      case "hang": {
        const answer = fault.executed ? await execute() : undefined
        const body = answer?.body ?? Buffer.from('{"result":"OK"}')
        if (fault.after === "half") sendHalf(response, 200, body)
      }
    }
  }

  /** Has the server execute the request, whether or not its sender still waits. */
  #execute(incoming: Incoming): Promise<Answer> {
    const { handler } = this.#options
    if (handler) return ask(handler, requestOf(incoming, this.#target))
    return new Promise((resolve, reject) => {
      const outgoing = this.#open(incoming, (answer) => {
        readAll(answer).then((body) => {
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body })
        }, reject)
      })
      outgoing.on("error", reject).end(incoming.body)
    })
  }

  /** Passes a stream on as it comes; it ends when either side ends it. */
  #pipe(incoming: Incoming, response: ServerResponse, fault?: StreamFault): void {
    const outgoing = this.#open(incoming, (answer) => {
      passStream(answer, response, fault)
    })
    outgoing.on("error", () => response.destroy()).end(incoming.body)
    response.on("close", () => outgoing.destroy())
  }

  #open({ method, path, headers, body }: Incoming, onAnswer: (answer: IncomingMessage) => void) {
    const { hostname, port, host } = this.#target
    const { signal } = this.#closing
    const sent = { ...headers, host, "content-length": String(body.length) }
    const options = { hostname, port, method, path, headers: sent, agent: this.#agent, signal }
    return sendRequest(options, onAnswer)
  }

  #delay(ms: number): Promise<void> {
    const { signal } = this.#closing
    return new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer)
        reject(new Error("the proxy was closed"))
      }
      const timer = setTimeout(() => {
        signal.removeEventListener("abort", stop)
        resolve()
      }, ms)
      signal.addEventListener("abort", stop, { once: true })
    })
  }
}

function requestOf({ method, path, headers, body }: Incoming, target: URL): Request {
  const given = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    value === undefined || FRAMING.includes(name) ? [] : [[name, String(value)]],
  )
  const isEmpty = method === "GET" || method === "HEAD"
  return new Request(new URL(path, target), {
    method,
    headers: given,
    body: isEmpty ? null : new Uint8Array(body),
  })
}

async function ask(
  handler: NonNullable<ProxyOptions["handler"]>,
  request: Request,
): Promise<Answer> {
  const response = await handler(request)
  const body = Buffer.from(await response.arrayBuffer())
  return { status: response.status, headers: Object.fromEntries(response.headers), body }
}

/** Whether the fault lets a stream open, possibly late. */
function mayOpen(
  fault: RequestFault | undefined,
): fault is Extract<RequestFault, { kind: "request-delayed" }> | undefined {
  return !fault || fault.kind === "request-delayed"
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** The commands of a request: one as the body, several as a pipeline, or one as the path. */
function readCommands(path: string, body: Buffer): string[][] {
  const inPath = path.split("/").filter((part) => part !== "" && part !== "pipeline")
  if (inPath.length > 0 && inPath[0] !== "multi-exec") return [inPath.map(decodeURIComponent)]
  const json = JSON.parse(body.toString()) as unknown[]
  const commands = Array.isArray(json[0]) ? (json as unknown[][]) : [json]
  return commands.map((command) => command.map(String))
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  if (response.destroyed) return
  const kept = Object.entries(headers).filter(([name]) => !FRAMING.includes(name))
  response.writeHead(status, { ...Object.fromEntries(kept), "content-length": body.length })
  response.end(body)
}

function sendHalf(response: ServerResponse, status: number, body: Buffer, then?: () => void) {
  if (response.destroyed) return
  response.writeHead(status, { "content-length": body.length })
  response.write(body.subarray(0, body.length / 2), then)
}

function breakOff(response: ServerResponse, by: Break = "close"): void {
  if (by === "reset") response.socket?.resetAndDestroy()
  else response.destroy()
}

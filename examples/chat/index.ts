// A chat route that streams its answer, and stops at once when the next message of the same conversation comes.
import { LockManager } from "fetchlock"
import { lock } from "fetchlock/hono"
import { type Context, Hono } from "hono"

interface Env {
  UPSTASH_REDIS_REST_URL: string
  UPSTASH_REDIS_REST_TOKEN: string
}

const app = new Hono<{ Bindings: Env }>()

const newestMessageWins = lock({
  locks: (c: Context<{ Bindings: Env }>) => LockManager.fromEnv(c.env),
  name: (c) => {
    const chat = c.req.param("chat")
    return chat && `chat:${chat}`
  },
  conflict: "preempt",
  // The lock covers the streamed answer, too: when it is taken, the stream ends.
  release: "after-body",
})

app.post("/chats/:chat/messages", newestMessageWins, async (c) => {
  const message = await c.req.text()
  const tokens = answerTo(message, c.var.lock.signal)
  return c.body(eventStreamOf(tokens), 200, { "Content-Type": "text/event-stream" })
})

/** Stands in for a language model. It stops, and costs no more, as soon as the signal aborts. */
async function* answerTo(message: string, signal: AbortSignal): AsyncGenerator<string, undefined> {
  let count = 0
  try {
    for (; count < 400; count++) {
      await scheduler.wait(50, { signal })
      yield `${message}-${String(count)}`
    }
    return undefined
  } finally {
    console.log(`"${message}" ended after ${String(count)} tokens`)
  }
}

function eventStreamOf(tokens: AsyncGenerator<string, undefined>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  return new ReadableStream({
    async pull(controller) {
      const next = await tokens.next()
      // Not every runtime tells the client that a stream has failed: without this mark, the answer is not complete.
      const event = next.done ? "event: complete\ndata:" : `data: ${next.value}`
      controller.enqueue(encoder.encode(`${event}\n\n`))
      if (next.done) controller.close()
    },
    async cancel() {
      await tokens.return(undefined)
    },
  })
}

export default app

// Text of any length takes no more time than reading it: no pattern of ours backtracks.
import { expect, test } from "vitest"
import { LockManager } from "../../src/index.js"
import { parseDuration } from "../../src/time/duration.js"
import { readLockToken } from "../../src/http/hono/lock-token.js"
import { readJson } from "../../src/http/hono/read-json.js"
import { readEventStream } from "../../src/redis/subscription.js"
import { RedisError } from "../../src/redis/redis-error.js"
import { lockPattern, nameOf } from "../../src/redis/keys.js"
import { readNotice } from "../../src/redis/replies.js"
import { CLIENT_ID, TOKEN } from "../../src/values/token.js"

const LENGTH = 100_000
/** Quadratic code takes many seconds; linear code about a millisecond, and some more on a busy machine. */
const MOST_MS = 400

/** The text that patterns stumble over: it nearly matches, again and again, and then does not. */
const TEXTS = [
  ...[
    "1",
    "1.",
    "fl_",
    "fl",
    "-",
    "_",
    " ",
    "\t",
    "\r",
    "\n",
    "\r\n",
    ",",
    "{",
    "}:queue",
    "*",
    "\\",
    "/",
  ],
  ...[
    "data:",
    "data: message,",
    "data: message,a,b\n",
    "Bearer ",
    "Bearer x",
    "bearer",
    ", command was:",
  ],
  ...[
    "<fetchlock:",
    "a>",
    "application/json ",
    "[",
    '"',
    "granted ",
    "next 1 ",
    "\ud800",
    "ü",
    "0",
  ],
].map((part) => part.repeat(Math.ceil(LENGTH / part.length)))

const attempt = async (work: () => unknown) => {
  try {
    await work()
  } catch {
    // Whether it is refused does not matter.
  }
}

const locks = new LockManager({ redis: { url: "https://a.example", token: "t" }, timeout: 10 })
const body = (text: string) => new Response(text).body as ReadableStream<Uint8Array>
const deaf = { onConfirmed: () => undefined, onMessage: () => undefined }

const READERS: Readonly<Record<string, (text: string) => unknown>> = {
  durations: (text) => parseDuration("ttl", text, { min: 0, max: 1 }),
  "durations that end well": (text) => parseDuration("ttl", `${text}ms`, { min: 0, max: 1 }),
  names: (text) => locks.acquire(text),
  "parts of locks": (text) => nameOf("", `{${text}`),
  prefixes: lockPattern,
  "client ids": (text) => CLIENT_ID.test(text) || CLIENT_ID.test(text.slice(0, 64)),
  tokens: (text) => TOKEN.test(text) || TOKEN.test(`fl_${text}`),
  "errors of databases": (text) => new RedisError(text, { outcome: "unknown" }),
  notices: (text) => readNotice(text) ?? readNotice(`granted ${text}`),
  streams: (text) => readEventStream(body(text), "a", deaf),
  "frames of streams": (text) => readEventStream(body(`data: message,a,${text}\n`), "a", deaf),
  "headers of tokens": (text) => readLockToken(text),
  "headers that begin like tokens": (text) => readLockToken(`<fetchlock:${text}`),
  "types of bodies": (text) =>
    readJson(
      new TextEncoder().encode("{}"),
      `application/json ${text.replace(/[^ -~]/g, " ")}x`,
      [],
    ),
  "urls and tokens of databases": (text) =>
    new LockManager({ redis: { url: `https://a.example/${text}`, token: text } }),
}

export function linearTime(): void {
  test.for(Object.entries(READERS))(
    "%s of 100,000 characters are parsed in a moment",
    async ([, reader]) => {
      for (const text of TEXTS) {
        const startedAt = performance.now()
        await attempt(() => reader(text))
        expect(performance.now() - startedAt, JSON.stringify(text.slice(0, 20))).toBeLessThan(
          MOST_MS,
        )
      }
    },
  )
}

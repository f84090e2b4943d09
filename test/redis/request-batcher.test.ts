// Commands of one tick: together for one key, apart for others, each with its own reply, refusal and deadline.
import { expect, test, vi } from "vitest"
import { LARGEST_REPLY } from "../../src/redis/bounds.js"
import { RequestBatcher } from "../../src/redis/request-batcher.js"
import { rejection } from "../support/outcomes.js"

function order(answer: (commands: readonly (readonly string[])[]) => unknown[]) {
  const sent: {
    commands: readonly (readonly string[])[]
    signal: AbortSignal
    longest: number
  }[] = []
  const ticks = new RequestBatcher((commands, signal, longest) => {
    sent.push({ commands, signal, longest })
    return new Promise((resolve) => {
      resolve(answer(commands))
    })
  })
  return { ticks, sent }
}

const { signal } = new AbortController()
const echo = (commands: readonly (readonly string[])[]) => commands.map(([name]) => name)

test("commands for one key travel in one request, in the order in which they were sent", async () => {
  const { ticks, sent } = order(echo)
  const replies = [ticks.send("k", ["a"], signal), ticks.send("k", ["b"], signal)]
  expect(await Promise.all(replies)).toEqual(["a", "b"])
  expect(sent.map(({ commands }) => commands)).toEqual([[["a"], ["b"]]])
})

test("many commands for one key travel in several requests, one after the other", async () => {
  const { ticks, sent } = order(echo)
  const names = Array.from({ length: 250 }, (_, i) => String(i))
  const replies = await Promise.all(names.map((name) => ticks.send("k", [name], signal)))
  expect(replies).toEqual(names)
  expect(sent.map(({ commands }) => commands.length)).toEqual([100, 100, 50])
})

test("as many commands as fit travel in one request", async () => {
  const { ticks, sent } = order(echo)
  const names = Array.from({ length: 100 }, (_, i) => String(i))
  await Promise.all(names.map((name) => ticks.send("k", [name], signal)))
  expect(sent).toHaveLength(1)
})

test("a tick whose end never came does not block later ones", async () => {
  const { ticks, sent } = order(echo)
  vi.stubGlobal("queueMicrotask", () => undefined)
  void ticks.send("k", ["lost"], signal)
  vi.unstubAllGlobals()
  const later = vi.spyOn(performance, "now").mockReturnValue(performance.now() + 1_500)
  expect(await ticks.send("k", ["later"], signal)).toBe("later")
  later.mockRestore()
  expect(sent.map(({ commands }) => commands)).toEqual([[["later"]]])
})

test("commands for other keys, and of later ticks, travel in requests of their own", async () => {
  const { ticks, sent } = order(echo)
  const replies = [ticks.send("k", ["a"], signal), ticks.send("l", ["b"], signal)]
  await Promise.all(replies)
  await ticks.send("k", ["c"], signal)
  expect(sent.map(({ commands }) => commands)).toEqual([[["a"]], [["b"]], [["c"]]])
})

test("a refusal rejects only its own command; a broken request rejects all of them", async () => {
  const refused = new Error("refused")
  const { ticks } = order(() => ["fine", refused])
  const [first, second] = [ticks.send("k", ["a"], signal), ticks.send("k", ["b"], signal)]
  expect(await rejection(second)).toBe(refused)
  expect(await first).toBe("fine")
  const broken = order(() => {
    throw refused
  })
  const both = [broken.ticks.send("k", ["a"], signal), broken.ticks.send("k", ["b"], signal)]
  expect(await Promise.all(both.map(rejection))).toEqual([refused, refused])
})

test("a request is canceled when all of its callers have given up, and not before", async () => {
  const { ticks, sent } = order(echo)
  const controllers = [new AbortController(), new AbortController()]
  await Promise.all(controllers.map((c, i) => ticks.send("k", [String(i)], c.signal)))
  controllers[0]?.abort()
  expect(sent[0]?.signal.aborted).toBe(false)
  controllers[1]?.abort()
  expect(sent[0]?.signal.aborted).toBe(true)
})

test("a request may have as long a reply as the command that may have the longest one", async () => {
  const { ticks, sent } = order(echo)
  await Promise.all([
    ticks.send("k", ["short"], signal),
    ticks.send("k", ["long"], signal, 2 * LARGEST_REPLY),
    ticks.send("l", ["short"], signal),
  ])
  expect(sent.map(({ longest }) => longest)).toEqual([2 * LARGEST_REPLY, LARGEST_REPLY])
})

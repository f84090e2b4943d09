// The demo and `npm run dev` as a newcomer runs them; the demo would notice an overlap.
import { once } from "node:events"
import { type AddressInfo, createServer } from "node:net"
import picocolors from "picocolors"
import { describe, expect, onTestFinished, test } from "vitest"
import type { Booking } from "../../demo/box-office.js"
import { findOverlaps } from "../../demo/overlaps.js"
import { drawAnswers, drawTimeline } from "../../demo/timeline.js"
import { Program } from "./program.js"

function start(...args: string[]): Program {
  const program = new Program(...args)
  onTestFinished(() => {
    if (program.processes.length > 0) program.signal("SIGKILL")
  })
  return program
}

describe("the demo", { timeout: 60_000 }, () => {
  test("draws forty holds and fifty requests, counts no overlap and one refresh, and leaves no process behind", async () => {
    const demo = start("demo/main.ts")
    expect(await demo.exit, demo.output).toBe(0)
    expect(demo.output.match(/^ ?\d+ [AB] +·*█+ +\d+ ms +\d+ ms$/gm)).toHaveLength(40)
    expect(demo.output).toMatch(/^overlaps: 0$/m)
    const answered = demo.output.match(/^ ?\d+ [AB] [ ·█]+ +\d+ ms (ran|joined|remembered)$/gm)
    expect(answered).toHaveLength(50)
    expect(answered?.filter((row) => row.includes("█"))).toEqual(
      answered?.filter((row) => row.endsWith(" ran")),
    )
    expect(demo.output).toMatch(/^refreshes: 1, answered: 50 of 50$/m)
    expect(demo.output).not.toContain("\x1b")
    await expect.poll(() => demo.processes).toEqual([])
  })

  test("fails if the processes have different databases, and shows where they overlapped", async () => {
    const demo = start("demo/main.ts", "--split")
    expect(await demo.exit, demo.output).toBe(1)
    expect(demo.output).toMatch(/^overlap of show:\w+, seen in its times: /m)
    expect(demo.output).toMatch(/^overlaps: [1-9]\d*$/m)
    expect(demo.output).toMatch(/^refreshes: (?!1,)\d+, answered: \d+ of 50$/m)
    await expect.poll(() => demo.processes).toEqual([])
  })

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)("stops on %s with everything that it has started", async (signal, code) => {
    const demo = start("demo/main.ts")
    await expect.poll(() => demo.output, { timeout: 20_000 }).toContain("5 of 20 served")
    demo.signal(signal)
    expect(await demo.exit).toBe(code)
    await expect.poll(() => demo.processes).toEqual([])
  })
})

describe("npm run dev", () => {
  test("serves the Worker under wrangler until Ctrl-C", { timeout: 60_000 }, async () => {
    const port = await freePort()
    const dev = start("demo/dev.ts", "--port", String(port))
    await expect.poll(() => dev.output, { timeout: 30_000 }).toContain("Ready on")
    const url = `http://127.0.0.1:${port}/shows/hamlet/seats`
    expect(dev.output).toContain(`curl -X POST ${url}\n`)

    const seats = [await fetch(url, { method: "POST" }), await fetch(url, { method: "POST" })]
    expect(seats.map(({ status }) => status)).toEqual([201, 201])
    expect(await seats[1]?.json()).toMatchObject({ show: "hamlet", seat: 2 })
    expect((await fetch(url, { method: "DELETE" })).status).toBe(204)
    expect(await (await fetch(url)).json()).toMatchObject({ sold: 0 })

    // Buyers take turns, and no request hangs; the guarded route is served or refused.
    const load = Array.from({ length: 60 }, (_, n) =>
      fetch(url, { method: n % 2 ? "POST" : "DELETE", signal: AbortSignal.timeout(40_000) }),
    )
    const answered = (await Promise.all(load)).map(({ status }, n) => [n % 2, status].join(" "))
    expect([...new Set(answered)].sort()).toEqual(
      expect.arrayContaining(["0 423", "1 201"]) as string[],
    )
    for (const answer of answered) expect(["0 204", "0 423", "1 201"]).toContain(answer)

    dev.signal("SIGINT")
    await dev.exit
    await expect.poll(() => dev.processes, { timeout: 5_000 }).toEqual([])
  })
})

describe("overlaps", () => {
  const hold = (enteredAt: number, leftAt: number, fencingToken: number, lock = "a") => ({
    lock,
    enteredAt,
    leftAt,
    fencingToken,
  })

  test("a hold that begins before the other ends overlaps it", () => {
    const [first, second] = [hold(0, 10, 1), hold(9, 20, 2)]
    expect(findOverlaps([second, first])).toEqual([{ first, second, seenIn: "times" }])
  })

  test("each pair counts, also if one hold contains the others", () => {
    expect(findOverlaps([hold(0, 30, 1), hold(5, 10, 2), hold(20, 25, 3)])).toHaveLength(2)
  })

  test("a hold that begins in the millisecond in which the other ends does not overlap it", () => {
    expect(findOverlaps([hold(0, 10, 1), hold(10, 20, 2)])).toEqual([])
  })

  test("holds of different locks do not overlap", () => {
    expect(findOverlaps([hold(0, 10, 1, "a"), hold(0, 10, 1, "b")])).toEqual([])
  })

  test.each([1, 2])("a fencing token that does not rise is an overlap (2, then %i)", (token) => {
    const [first, second] = [hold(0, 10, 2), hold(20, 30, token)]
    expect(findOverlaps([first, second])).toEqual([{ first, second, seenIn: "fencing tokens" }])
  })

  test("a hold of zero length is refused", () => {
    expect(() => findOverlaps([hold(5, 5, 1)])).toThrow(RangeError)
  })
})

describe("the timeline", () => {
  const booking = (instance: number, enteredAt: number, leftAt: number): Booking => ({
    ...{ lock: "show:hamlet", show: "hamlet", seat: 1, isolate: "one", fencingToken: 1 },
    ...{ instance, requestedAt: 1_000, enteredAt, leftAt },
  })
  const colors = picocolors.createColors(false)
  const bookings = [booking(1, 1_100, 1_200), booking(0, 1_000, 1_100)]

  test("shows the holds in their order, with dots for waiting and blocks for holding", () => {
    expect(drawTimeline(bookings, { width: 46, colors })).toEqual([
      "show:hamlet            200 ms   waited    held",
      " 1 A ████████████                 0 ms  100 ms",
      " 2 B ············████████████   100 ms  100 ms",
    ])
  })

  test.each([80, 100, 120])("has no row wider than %i columns", (width) => {
    const rows = drawTimeline([...bookings, booking(0, 13_000, 13_500)], { width, colors })
    expect(Math.max(...rows.map((row) => row.length))).toBeLessThanOrEqual(width)
  })

  test("shows who ran for all that wait, and when", () => {
    const answers = [
      { instance: 1, source: "joined", requestedAt: 1_000, answeredAt: 1_200 },
      { instance: 0, source: "ran", requestedAt: 1_000, answeredAt: 1_190 },
    ]
    const ran = { from: 1_050, to: 1_150 }
    expect(drawAnswers(answers, ran, { width: 45, colors })).toEqual([
      " 1 A ·····██████████····    190 ms ran",
      " 2 B ····················   200 ms joined",
    ])
  })
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

// The page of costs says what the page of scripts says, which a database has counted; and the calculator computes with it.
import { readFileSync } from "node:fs"
import { expect, test } from "vitest"
import { BILLED, monthOf, REQUESTS } from "../../docs/.vitepress/costs.js"

const scripts = readFileSync("docs/scripts.md", "utf8")
const page = readFileSync("docs/costs.md", "utf8")

/** Of a path of a script, how many commands are billed. */
function billedFor(script: string, when: string): number {
  const row = new RegExp(`^\\| \`${script}\` +\\| ${when} +\\|[^|]+\\| (\\d+) +\\|$`, "m").exec(
    scripts,
  )
  if (!row) throw new Error(`docs/scripts.md: has no row for ${script}, ${when}`)
  return Number(row[1])
}

/** Requests and billed commands in the row of the page that begins so. */
function shown(call: string): [requests: number, billed: number] {
  const line = page.split("\n").find((text) => text.startsWith(`| ${call}`))
  const [, requests, billed] = /\| (\d+) +\| (\d+) +\|$/.exec(line ?? "") ?? []
  return [Number(requests), Number(billed)]
}

test("an uncontended lock costs what its two scripts cost, and one command less with DELEX", () => {
  const billed = billedFor("acquire: claim", "free") + billedFor("release", "nobody waits")
  expect(shown("the same on another server")).toEqual([2, billed])
  expect(shown("acquire a free lock")).toEqual([2, billed - 1])
})

test("a lock that was waited for costs what docs/scripts.md adds up", () => {
  const sums = /: (\d+) commands in (\d+) requests where[^]*?: (\d+) commands in (\d+) requests\./
  const [shared, sharedIn, own, ownIn] = (sums.exec(scripts) ?? []).slice(1).map(Number)
  expect(shown("wait in the queue")).toEqual([sharedIn, shared])
  expect(shown("the same with a stream of its own")).toEqual([ownIn, own])
})

test("a renewal and a look cost what their scripts cost", () => {
  expect(shown("renew a hold")).toEqual([1, billedFor("extend", "ours")])
  expect(shown("`inspect`")).toEqual([1, billedFor("inspect", "always")])
})

test("a fencing token costs what the script that mints it costs", () => {
  const release = shown("acquire a free lock")[1] - billedFor("acquire: claim", "free")
  const acquire = billedFor("acquire: try", "free, with fencing")
  expect(shown("the same with a fencing token")).toEqual([2, acquire + release])
})

test("`once` and a quorum cost what their own pages say", () => {
  const once = readFileSync("docs/once.md", "utf8")
  const [, alone, aloneBilled] = /^\| alone +\| (\d+) +\| (\d+) +\|$/m.exec(once) ?? []
  const [, again, againBilled] = /^\| remembered +\| (\d+) +\| (\d+) +\|$/m.exec(once) ?? []
  expect(shown("[`once`](once.md#costs), alone")).toEqual([Number(alone), Number(aloneBilled)])
  expect(shown("`once`, remembered")).toEqual([Number(again), Number(againBilled)])
  const quorum = readFileSync("docs/quorum.md", "utf8")
  const [, requests, billed] =
    /is therefore (\d+) requests and (\d+) commands on three/.exec(quorum) ?? []
  expect(shown("on three databases")).toEqual([Number(requests), Number(billed)])
})

test("the calculator computes with the numbers of the page", () => {
  const [cycleRequests, cycle] = shown("acquire a free lock")
  const [waitedRequests, waited] = shown("the same with a stream of its own")
  const [renewalRequests, renewal] = shown("renew a hold")
  const fencing = shown("the same with a fencing token")[1] - cycle
  expect(BILLED).toEqual({ cycle, waited, renewal, fencing })
  expect(REQUESTS).toEqual({
    cycle: cycleRequests,
    waited: waitedRequests,
    renewal: renewalRequests,
  })
})

test("the calculator adds waits, renewals and fencing tokens, and leaves the first half million free", () => {
  const usage = { calls: 1_000_000, waitingShare: 0, heldSeconds: 0, fencing: false }
  expect(monthOf(usage)).toEqual({ requests: 2_000_000, commands: 4_000_000, dollars: 8 })
  expect(monthOf({ ...usage, calls: 100_000 }).dollars).toBe(0)
  expect(monthOf({ ...usage, heldSeconds: 25 }).commands).toBe(10_000_000)
  expect(monthOf({ ...usage, fencing: true }).commands).toBe(9_000_000)
  expect(monthOf({ ...usage, waitingShare: 1 }).commands).toBe(1_000_000 * BILLED.waited)
})

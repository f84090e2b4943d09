// The checks of every broken script: the rules of the queue and of a quorum, the costs, and random histories, on a database in
// this process.
import fc from "fast-check"
import { expect } from "vitest"
import { type Bench, expectLives } from "../scripts/bench.js"
import { claiming } from "../scripts/claiming.js"
import { dying } from "../scripts/dying.js"
import { handingOn } from "../scripts/handing-on.js"
import { casts, histories, History } from "../scripts/histories.js"
import { documentedCosts, measuredCosts } from "../scripts/measuring.js"
import { sharing } from "../scripts/sharing.js"
import { standingInLine } from "../scripts/standing-in-line.js"
import { voting } from "../scripts/voting.js"
import { commandsTo, openEngine } from "../support/virtual-database.js"
import { type HandOptions, LockByHand, type Scripts } from "../support/waiter-by-hand.js"

interface Check {
  readonly claim: string
  readonly run: (scripts: Scripts) => Promise<void>
}

/** The number of histories; a broken script that needs more is found by a check of its own. */
const HISTORIES = { numRuns: 40, seed: 7, endOnFailure: true }

/** All checks, on one database. */
export async function openChecks(): Promise<readonly Check[]> {
  const engine = await openEngine()
  const command = commandsTo(engine)
  const documented = await documentedCosts()
  let names = 0
  const checks: Check[] = []
  const stops: (() => void)[] = []
  const hear = async (channel: string) => {
    const heard: string[] = []
    const onMessage = (_: Buffer, payload: Buffer) => heard.push(payload.toString())
    const listener = { onMessage, onEnd: () => undefined }
    stops.push(await engine.subscribe({ kind: "channel", name: channel }, listener))
    return heard
  }
  const hearNothingMore = () => {
    for (const stop of stops.splice(0)) stop()
  }
  const bench = (claim: string, work: (bench: Bench) => Promise<void>) => {
    const run = async (scripts: Scripts) => {
      const name = `mutant-${String(names++)}`
      const sent = (options: HandOptions) => new LockByHand(command, name, { scripts, ...options })
      const lock = sent({})
      await work({ lock, command, sent, hear })
      hearNothingMore()
      await expectLives(lock)
    }
    checks.push({ claim, run })
  }
  claiming(bench)
  standingInLine(bench)
  handingOn(bench)
  dying(bench)
  sharing(bench)
  voting(bench)
  checks.push({
    claim: "each path costs what the table says",
    run: async (scripts) => {
      await command("FLUSHALL")
      const measured = await measuredCosts(command, hear, { scripts })
      hearNothingMore()
      expect(measured).toEqual(documented)
    },
  })
  checks.push({
    claim: "what must be true is true after each step of a history",
    run: async (scripts) => {
      const property = fc.asyncProperty(casts, histories, async (cast, steps) => {
        const name = `mutant-${String(names++)}`
        const history = new History(command, name, cast, { scripts })
        for (const step of steps) await history.step(step)
      })
      await fc.assert(property, HISTORIES)
    },
  })
  return checks
}

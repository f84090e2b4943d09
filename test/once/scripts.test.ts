// The scripts of `once` keep their rules, on each engine; and the rules notice a script that breaks one.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import * as library from "../../src/redis/lua/scripts.js"
import { brokenScripts } from "../lua-mutants/broken-scripts.js"
import { earsOn, expectHeard, hearing } from "../scripts/bench.js"
import { refusing } from "../support/preludes.js"
import { hasRedisServer } from "../support/redis-server.js"
import { type Database, openDatabase } from "../support/variants.js"
import { commandsTo, openEngine } from "../support/virtual-database.js"
import type { Scripts, SendCommand } from "../support/waiter-by-hand.js"
import { OnceByHand } from "./by-hand.js"
import { onceMutants } from "./mutants.js"
import { type Rule, rules } from "./rules.js"

let names = 0

async function keep(
  { run, isMute }: Rule,
  command: SendCommand,
  hear: (channel: string) => Promise<readonly string[]>,
  scripts: Scripts = library,
): Promise<void> {
  const prelude = isMute ? refusing("PUBLISH") : ""
  const name = new OnceByHand(command, `once-${String(names++)}`, scripts, prelude)
  await run(name, hear, expectHeard)
  expect(await name.overdue()).toEqual([])
}

for (const engine of ["embedded engine", "real Redis"] as const) {
  const run = engine === "embedded engine" || hasRedisServer() ? describe : describe.skip
  run(`the scripts of once: ${engine}`, () => {
    let database: Database
    beforeAll(async () => {
      database = await openDatabase(engine)
    })
    afterAll(() => database.close())
    test.for(rules)("$claim", async (rule) => {
      const { hear, close } = earsOn(database)
      await keep(rule, database.command, hear)
      close()
    })
  })
}

describe("a broken rule is noticed", () => {
  let command: SendCommand
  let hear: (channel: string) => Promise<readonly string[]>
  const stops: (() => void)[] = []
  const { withinMs } = hearing
  beforeAll(async () => {
    // Messages arrive at once or never, because there is no network.
    hearing.withinMs = 20
    const engine = await openEngine()
    command = commandsTo(engine)
    hear = async (channel) => {
      const heard: string[] = []
      const onMessage = (_: Buffer, payload: Buffer) => heard.push(payload.toString())
      const listener = { onMessage, onEnd: () => undefined }
      stops.push(await engine.subscribe({ kind: "channel", name: channel }, listener))
      return heard
    }
  })
  afterAll(() => {
    hearing.withinMs = withinMs
    for (const stop of stops) stop()
  })

  test("except in the unmodified scripts, which pass", async () => {
    for (const rule of rules) await keep(rule, command, hear)
  })

  test.for(onceMutants)("$file: $breaks", async (mutant) => {
    const scripts = brokenScripts(mutant)
    for (const rule of rules) {
      try {
        await keep(rule, command, hear, scripts)
      } catch {
        return
      }
    }
    expect.fail("survives")
  })
})

// The results of the benchmark: order, fairness, the bill, and the page that shows them.
import { readFile } from "node:fs/promises"
import { format, resolveConfig } from "prettier"
import { describe, expect, test } from "vitest"
import { RESULTS, withComparison, withReport } from "../../verification/bench/report/docs.js"
import { merged, type Report } from "../../verification/bench/report/report.js"
import { tableOf } from "../../verification/bench/report/table.js"
import { fairnessOf, inversionsOf } from "../../verification/bench/scenarios/order.js"
import { NOTHING } from "../../verification/bench/result.js"
import { billedCommands } from "../support/billed-commands.js"

const section = (who: number, askedAt: number) => ({ who, askedAt, enteredAt: 0, leftAt: 0 })

describe("order", () => {
  test("has no overtaking if callers enter as they asked, or nearly", () => {
    expect(inversionsOf([section(0, 0), section(1, 10), section(2, 20)], 5)).toBe(0)
    expect(inversionsOf([section(1, 4), section(0, 0), section(2, 20)], 5)).toBe(0)
  })

  test("counts each caller once that enters before an earlier one", () => {
    expect(inversionsOf([section(2, 20), section(1, 10), section(0, 0)], 5)).toBe(2)
    expect(inversionsOf([section(2, 20), section(0, 0), section(1, 10)], 5)).toBe(1)
  })

  test("has fairness 1 if all had as many turns, and 1 / n if one had them all", () => {
    const turns = (...whos: number[]) => [...whos, ...whos].map((who) => section(who, 0))
    expect(fairnessOf(turns(0, 1, 2, 3), 4)).toBe(1)
    expect(fairnessOf(turns(0, 0, 0, 0), 4)).toBe(0.25)
    expect(fairnessOf(turns(0, 0, 1, 1), 4)).toBe(0.5)
  })
})

describe("the bill", () => {
  const stats = (calls: Record<string, number>) =>
    Object.entries(calls)
      .map(([name, count]) => `cmdstat_${name}:calls=${count},usec=1,usec_per_call=1.00`)
      .join("\r\n")

  test("counts each command and each call inside a script, except those that the server sends for itself", () => {
    expect(billedCommands(stats({ set: 2, eval: 1, get: 1, info: 9, "config|resetstat": 1 }))).toBe(
      4,
    )
  })
})

describe("the page", () => {
  test("omits a column without any values, and a scenario that is the only one", () => {
    const quick = { ...NOTHING, requests_per_cs: 2 }
    const linesOf = (results: object) =>
      tableOf({ contenders: { a: results } } as unknown as Report).split("\n")
    expect(linesOf({ quick, long: NOTHING })).toEqual([
      "| scenario | contender | requests |",
      "| --- | --- | --- |",
      "| quick | a | 2.0 |",
      "| long | a |  |",
    ])
    expect(linesOf({ quick })).toEqual(["| contender | requests |", "| --- | --- |", "| a | 2.0 |"])
  })

  describe("of several runs", () => {
    const run = (
      results: Readonly<Record<string, number>>,
      facts: Partial<Report> = {},
    ): Report => {
      const measured = Object.entries(results).map(([scenario, requests_per_cs]) => [
        scenario,
        { ...NOTHING, requests_per_cs },
      ])
      return {
        machine: "m",
        versions: { node: "20" },
        rtt_ms: {},
        contenders: { a: Object.fromEntries(measured) as Record<string, object> },
        left_out: [],
        bundle_bytes: {},
        ...facts,
      }
    }

    test("has what each of them measured, and of what two did the last", () => {
      const first = run(
        { quick: 2, slow: 5 },
        { rtt_ms: { "20 ms": 20 }, bundle_bytes: { a: 1, b: 2 } },
      )
      const second = run(
        { "quick, 0 ms RTT": 3, slow: 4 },
        { rtt_ms: { "0 ms": 0 }, bundle_bytes: { a: 3 } },
      )
      const report = merged(first, [second])
      expect(tableOf(report).split("\n").slice(2)).toEqual([
        "| quick | a | 2.0 |",
        "| slow | a | 4.0 |",
        "| quick, 0 ms RTT | a | 3.0 |",
      ])
      expect(report.rtt_ms).toEqual({ "20 ms": 20, "0 ms": 0 })
      expect(report.bundle_bytes).toEqual({ a: 3, b: 2 })
    })

    test("lists once what none of the runs measured", () => {
      const long = { scenario: "long", contender: "b", why: "about 60 s" }
      const broken = { scenario: "broken", why: "failed" }
      const slow = { scenario: "slow", contender: "a", why: "about 60 s" }
      const first = run({ quick: 2 }, { left_out: [long, broken, slow] })
      expect(merged(first, [run({}, { left_out: [long, slow] })]).left_out).toEqual([
        long,
        broken,
        slow,
      ])
      expect(merged(first, [run({ broken: 1, slow: 2, long: 3 })]).left_out).toEqual([long])
    })

    test("is refused if the runs cannot be compared", () => {
      expect(() => merged(run({}), [run({}, { machine: "n" })])).toThrow("machine")
      expect(() => merged(run({}), [run({}, { versions: { node: "22" } })])).toThrow("versions")
    })
  })

  test.each([
    ["the page of figures", "performance.md", withReport],
    ["the comparison", "comparison.md", withComparison],
  ] as const)("is all that the tables of %s show", async (_, name, withTables) => {
    const docs = new URL("../../docs/", import.meta.url)
    const page = new URL(name, docs)
    const text = await readFile(page, "utf8")
    const report = JSON.parse(await readFile(new URL(RESULTS, docs), "utf8")) as Report
    const style = await resolveConfig(page)
    const made = await format(withTables(text, report), { ...style, parser: "markdown" })
    expect(made).toBe(text)
  })
})

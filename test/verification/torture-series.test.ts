// A series of torture runs: its sum, how it goes on after an interruption, and where it stops.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { Court } from "../../verification/torture/judges/court.js"
import { type Report, reportOf } from "../../verification/torture/report.js"
import { continueSeries, seriesSummary } from "../../verification/torture/series.js"

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fetchlock-series-"))
})

afterAll(() => rm(folder, { recursive: true }))

const CRASHES = { kills: 1, pauses: 2, restarts: 3 }

function report(seed: number, changes: Partial<Report> = {}): Report {
  const facts = { seed, seconds: 60, crashes: CRASHES, keysLeft: [] }
  return { ...reportOf(new Court(), facts), grants: 100, judgedHolds: 50, ...changes }
}

test("adds up runs with different seeds until there are enough grants, and continues later", async () => {
  const file = join(folder, "sum.jsonl")
  const seeds: number[] = []
  const run = (seed: number) => {
    seeds.push(seed)
    return Promise.resolve(report(seed))
  }
  const { sum } = await continueSeries(file, 150, 7, run)
  expect(sum).toMatchObject({ pieces: 2, grants: 200, judgedHolds: 100, seconds: 120, kills: 2 })
  expect((await continueSeries(file, 200, 7, run)).sum).toEqual(sum)
  const later = await continueSeries(file, 350, 7, run)
  expect(later.sum).toMatchObject({ pieces: 4, grants: 400, pauses: 8, restarts: 12 })
  expect(seeds).toEqual([7, 8, 9, 10])
  expect(seriesSummary(later.sum)).toContain("grants             400\n")
})

test("stops at a violation, which counts", async () => {
  const file = join(folder, "violation.jsonl")
  const violation = { judge: "overlap", second: 1, what: "two", facts: {} } as const
  const run = (seed: number) => Promise.resolve(report(seed, { violations: [violation] }))
  const { sum, last } = await continueSeries(file, 1_000, 7, run)
  expect(sum).toMatchObject({ pieces: 1, violations: 1 })
  expect(last?.violations).toEqual([violation])
})

test("stops at a run that proves nothing, and does not count one that was interrupted", async () => {
  const file = join(folder, "stops.jsonl")
  const empty = await continueSeries(file, 1_000, 7, (seed) =>
    Promise.resolve(report(seed, { grants: 3 })),
  )
  expect(empty.sum).toMatchObject({ pieces: 1, grants: 3 })
  const interrupted = (seed: number) => Promise.resolve(report(seed, { keysLeft: undefined }))
  expect((await continueSeries(file, 1_000, 7, interrupted)).sum).toEqual(empty.sum)
  expect((await readFile(file, "utf8")).trim().split("\n")).toHaveLength(1)
})

test.each(["{}", "rubbish", '{"grants":1}'])("refuses a file that contains %j", async (line) => {
  const file = join(folder, "foreign.jsonl")
  await writeFile(file, `${line}\n`)
  const run = () => Promise.reject(new Error("it must not run"))
  await expect(continueSeries(file, 1, 7, run)).rejects.toThrow(
    `${file}: line 1 is not a run of a series`,
  )
})

// A series of runs that add up: each is a line of a file, so that a long one can be interrupted and continued.
import { appendFile, readFile } from "node:fs/promises"
import { isConclusive, type Report } from "./report.js"

/** What a run adds to its series. */
export interface Piece {
  readonly seed: number
  readonly seconds: number
  readonly grants: number
  readonly judgedHolds: number
  readonly requests: number
  readonly faulted: number
  readonly kills: number
  readonly pauses: number
  readonly restarts: number
  readonly overlaps: number
  readonly violations: number
  /** The largest part that a lock-out used of its allowance. */
  readonly closest: number
}

export type Sum = Omit<Piece, "seed"> & { readonly pieces: number }

export function pieceOf(report: Report): Piece {
  const { seed, seconds, grants, judgedHolds, requests, faulted, crashes, overlaps } = report
  const { closestLockOut: closest, violations } = report
  return {
    seed,
    seconds: Math.round(seconds),
    grants,
    judgedHolds,
    requests,
    faulted,
    ...crashes,
    overlaps,
    violations: violations.length,
    closest: closest ? Math.round((100 * closest.ms) / closest.allowance.ms) / 100 : 0,
  }
}

export function sumOf(pieces: readonly Piece[]): Sum {
  const total = (of: (piece: Piece) => number) => pieces.reduce((sum, piece) => sum + of(piece), 0)
  return {
    pieces: pieces.length,
    seconds: total(({ seconds }) => seconds),
    grants: total(({ grants }) => grants),
    judgedHolds: total(({ judgedHolds }) => judgedHolds),
    requests: total(({ requests }) => requests),
    faulted: total(({ faulted }) => faulted),
    kills: total(({ kills }) => kills),
    pauses: total(({ pauses }) => pauses),
    restarts: total(({ restarts }) => restarts),
    overlaps: total(({ overlaps }) => overlaps),
    violations: total(({ violations }) => violations),
    closest: Math.max(0, ...pieces.map(({ closest }) => closest)),
  }
}

/** @throws Error if the file exists and is not a series */
export async function readSeries(file: string): Promise<Piece[]> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return ""
    throw error
  })
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line, i) => {
      try {
        const piece = JSON.parse(line) as Partial<Piece>
        if (typeof piece.grants === "number" && typeof piece.seed === "number")
          return piece as Piece
      } catch {
        // Reported below.
      }
      throw new Error(`${file}: line ${i + 1} is not a run of a series`)
    })
}

/**
 * Runs until the series has that many grants, or one finds a violation or proves nothing. Each run has the seed after the
 * one before.
 *
 * @param run performs a run with that seed
 */
export async function continueSeries(
  file: string,
  grants: number,
  firstSeed: number,
  run: (seed: number) => Promise<Report>,
): Promise<{ readonly sum: Sum; readonly last: Report | undefined }> {
  const pieces = await readSeries(file)
  let last: Report | undefined
  while (sumOf(pieces).grants < grants) {
    last = await run((pieces.at(-1)?.seed ?? firstSeed - 1) + 1)
    // An interrupted run is not counted: its holds were not judged to the end.
    if (last.keysLeft === undefined) break
    const piece = pieceOf(last)
    pieces.push(piece)
    await appendFile(file, `${JSON.stringify(piece)}\n`)
    if (last.violations.length > 0 || !isConclusive(last)) break
  }
  return { sum: sumOf(pieces), last }
}

export function seriesSummary(sum: Sum): string {
  const hours = (sum.seconds / 3_600).toFixed(1)
  return [
    `runs               ${sum.pieces}, ${hours} hours`,
    `grants             ${sum.grants}`,
    `requests           ${sum.requests}, of which ${sum.faulted} faulted`,
    `clients            ${sum.kills} killed, ${sum.pauses} paused; ${sum.restarts} restarts of Redis`,
    `overlaps           ${sum.overlaps} among ${sum.judgedHolds} holds that were compared`,
    `closest to bound   ${Math.round(100 * sum.closest)} % of an allowance`,
    `violations         ${sum.violations}`,
  ].join("\n")
}

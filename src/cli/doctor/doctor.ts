// `fetchlock doctor`: examines the user's own database, and says which promises hold there.
import { type Arguments, durationOf } from "../command-line.js"
import { endBy } from "../caught-signals.js"
import { columns } from "../columns.js"
import { configOf } from "../connect.js"
import { EXIT, say } from "../failure.js"
import { createFetch } from "../http-fetch.js"
import { printJson, printText } from "../output.js"
import { printable } from "../printable.js"
import { clockProbes } from "./clock-probes.js"
import { commandProbes } from "./command-probes.js"
import { examine, type Finding, type Verdict } from "./finding.js"
import { lockProbes } from "./lock-probes.js"
import { memoryProbes } from "./memory-probes.js"
import { ProbedDatabase } from "./probed-database.js"
import { scriptProbes } from "./script-probes.js"
import { silenceProbe, streamProbes } from "./stream-probes.js"

/** A promise cannot be kept on this database. */
const UNSOUND = 1
/** Some servers end a connection that is silent for 10 s. */
const DEFAULT_IDLE_MS = 12_000

export async function execute(args: Arguments): Promise<number> {
  const idleMs = durationOf(args, "idle") ?? DEFAULT_IDLE_MS
  const id = Buffer.from(crypto.getRandomValues(new Uint8Array(6))).toString("hex")
  const database = new ProbedDatabase(configOf(args), createFetch(), id)
  const failure = await firstFailure(database)
  if (failure !== undefined) {
    say(`could not examine the database: ${failure}`)
    return EXIT.database
  }
  const interrupted = new Promise<NodeJS.Signals>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, resolve)
  })
  const findings = await Promise.race([examineAll(database, idleMs), interrupted]).finally(() =>
    cleanUp(database),
  )
  if (typeof findings === "string") return endBy(findings)
  const isSound = findings.every(({ verdict }) => verdict !== "problem")
  const options = Object.assign({}, ...findings.map((finding) => finding.options)) as object
  if (args.options.has("json")) await printJson({ isSound, findings, options })
  else await printText(reportOf(findings, options, isSound))
  return isSound ? 0 : UNSOUND
}

/** Why not even a PING is answered. */
async function firstFailure(database: ProbedDatabase): Promise<string | undefined> {
  try {
    const reply = await database.send("PING")
    return "error" in reply ? reply.error : undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** One after the other, since each measures times; the longest wait goes on beside them. */
async function examineAll(database: ProbedDatabase, idleMs: number): Promise<Finding[]> {
  const silence = examine(silenceProbe(database, idleMs))
  const findings: Finding[] = []
  const all = [
    ...memoryProbes(database),
    ...commandProbes(database),
    ...scriptProbes(database),
    ...streamProbes(database),
    ...clockProbes(database),
    ...lockProbes(database),
  ]
  for (const one of all) findings.push(await examine(one))
  findings.push(await silence)
  return findings
}

async function cleanUp(database: ProbedDatabase): Promise<void> {
  try {
    await database.cleanUp()
  } catch {
    say("could not delete the keys of the examination; all of them end within a day")
  }
}

const SHOWN: Record<Verdict, string> = {
  ok: "ok",
  note: "note",
  unknown: "?",
  problem: "PROBLEM",
}

function reportOf(findings: readonly Finding[], options: object, isSound: boolean): string {
  const rows = findings.map(({ probe, verdict, found, follows }) => [
    SHOWN[verdict],
    probe,
    printable(found.length > 90 ? `${found.slice(0, 90)}…` : found),
    follows,
  ])
  const lines = [columns([["VERDICT", "PROBE", "FOUND", "WHAT FOLLOWS"], ...rows]), "\n"]
  if (Object.keys(options).length > 0) {
    lines.push(`Options for this database: ${JSON.stringify(options)}\n`)
  }
  lines.push(
    isSound
      ? "Locks keep their promises here, as far as this can be told from outside.\n"
      : "Locks cannot keep their promises here: see PROBLEM above.\n",
  )
  return lines.join("")
}

// `npm run demo`: buyers in two workerd processes take turns on locks, and requests share one refresh, drawn as timelines.
// Fails on any overlap, and on any refresh but the first.
import { isatty } from "node:tty"
import { parseArgs } from "node:util"
import picocolors from "picocolors"
import { type Booking, BoxOffice } from "./box-office.js"
import { Progress } from "./progress.js"
import { drawAnswers, drawTimeline } from "./timeline.js"
import { TokenDesk } from "./token-desk.js"
import { judge } from "./verdict.js"

const INSTANCES = 2
const BUYERS = 20
const REQUESTS = 50
const PLAYS = ["hamlet", "lear", "macbeth", "othello", "tempest"]
/** A request that takes longer has failed. */
const TIME_LIMIT_MS = 50_000

const { stdout } = process
const colors = picocolors.createColors(isatty(stdout.fd) && picocolors.isColorSupported)
const width = Math.max(80, Math.min(stdout.columns || 100, 120))

function print(...lines: string[]): void {
  for (const line of lines) stdout.write(`${line}\n`)
}

/** Sends all requests at once, alternately to each instance, and draws the bookings. */
async function run(
  office: BoxOffice,
  shows: readonly string[],
): Promise<PromiseSettledResult<Booking>[]> {
  const signal = AbortSignal.timeout(TIME_LIMIT_MS)
  const progress = new Progress(stdout, BUYERS)
  const book = async (show: string, instance: number) => {
    const booking = await office.book(instance, show, signal)
    progress.advance()
    return booking
  }
  const outcomes = await Promise.allSettled(
    shows.flatMap((show) =>
      Array.from({ length: BUYERS / shows.length }, (_, n) => book(show, n % INSTANCES)),
    ),
  )
  progress.clear()
  const bookings = outcomes.flatMap((outcome) =>
    outcome.status === "fulfilled" ? [outcome.value] : [],
  )
  if (bookings.length > 0) print(...drawTimeline(bookings, { width, colors }))
  return outcomes
}

/** Buyers who take turns. */
async function sellSeats(split: boolean): Promise<boolean> {
  print(
    colors.bold("A box office in two workerd processes (A and B), and a lock for each show."),
    colors.dim("A local server replaces Upstash Redis.  · waits  █ holds the lock"),
  )
  const office = await BoxOffice.open({ instances: INSTANCES, split })
  try {
    print("", `${BUYERS} buyers of one show: one after the other`)
    const one = await run(office, ["carmen"])
    print(
      "",
      `${BUYERS} buyers of ${PLAYS.length} shows: only buyers of the same show wait for each other`,
    )
    const several = await run(office, PLAYS)

    const { overlaps, complaints } = judge([...one, ...several], INSTANCES)
    print("", ...complaints.slice(0, 10).map((complaint) => colors.red(complaint)))
    if (complaints.length > 10) print(colors.red(`… and ${complaints.length - 10} more`))
    if (complaints.length === 0) {
      print("No seat was sold twice, and the fencing tokens of each lock rose from hold to hold.")
    }
    print(colors.bold(`overlaps: ${overlaps.length}`))
    return complaints.length === 0
  } finally {
    await office.close()
  }
}

/** Requests that need a token, which one of them refreshes. */
async function shareToken(split: boolean): Promise<boolean> {
  print(
    "",
    colors.bold(`${REQUESTS} requests in two workerd processes need an OAuth token: one refresh.`),
    colors.dim("The provider takes a refresh token once.  · waits  █ refreshes"),
  )
  const desk = await TokenDesk.open({ instances: INSTANCES, split })
  try {
    const signal = AbortSignal.timeout(TIME_LIMIT_MS)
    const outcomes = await Promise.allSettled(
      Array.from({ length: REQUESTS }, (_, n) => desk.ask(n % INSTANCES, signal)),
    )
    const answers = outcomes.flatMap((outcome) =>
      outcome.status === "fulfilled" ? [outcome.value] : [],
    )
    const { refreshes, lastRefresh } = desk.provider
    if (answers.length > 0) print(...drawAnswers(answers, lastRefresh, { width, colors }))
    const isFine = refreshes === 1 && answers.length === REQUESTS
    const count = `refreshes: ${refreshes}, answered: ${answers.length} of ${REQUESTS}`
    print("", isFine ? colors.bold(count) : colors.red(count))
    return isFine
  } finally {
    await desk.close()
  }
}

async function main(): Promise<boolean> {
  // Two databases in place of one: how the demo is shown to notice what it is there to notice.
  const { values } = parseArgs({ options: { split: { type: "boolean", default: false } } })
  const isSold = await sellSeats(values.split)
  const isShared = await shareToken(values.split)
  return isSold && isShared
}

// Ctrl-C and SIGTERM: miniflare stops its processes and exits. A terminal that is closed is left to us.
process.once("SIGHUP", () => process.exit(129))

process.exitCode = (await main()) ? 0 : 1

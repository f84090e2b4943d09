// The worlds that can be explored, each with its usual bounds and those of its quick form.
import type { Code } from "./broken-rules.js"
import { explore, type Exploration, type OnProgress } from "./explore.js"
import { Keyspaces } from "./keyspaces.js"
import { callersWith, type Terms } from "./lock/state.js"
import { LockWorld } from "./lock/world.js"
import { quorumCallersWith, type QuorumTerms } from "./quorum/state.js"
import { QuorumWorld } from "./quorum/world.js"
import type { Bounds, Happening } from "./world.js"

/** A world with its usual bounds, and a quick form. */
export interface NamedWorld {
  readonly name: string
  /** Its callers, for the reader of a schedule. */
  readonly cast: string
  readonly usual: Bounds
  readonly quick: Bounds
  /** The Lua files whose rules it can express. */
  readonly files: RegExp
  explore(code: Code, bounds: Bounds, onProgress?: OnProgress): Promise<Shown>
}

/** An exploration, with a table of the schedule that it found. */
export interface Shown {
  readonly exploration: Exploration<Happening>
  /** The columns of the table, and its rows: what happens, and the state after it. */
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

const ONCE = { once: { rememberMs: 20_000 }, renews: true }
const SHARING = { ...ONCE, once: { rememberMs: 0 } }

/** The wait of a call, its clean-up, and the life of a queue. */
const ENDS_MS = 150_000
/** The shortest that a quorum may have whose longest ttl is 10 s. */
const QUARANTINE_MS = 10_000

function takes(name: string): string[] {
  return [`${name} calls`, ...sends(name, "enqueue")]
}

function waits(name: string): string[] {
  return [...takes(name), ...sends(name, "listen"), ...sends(name, "look")]
}

function sends(name: string, kind: string): string[] {
  return [`${name}'s ${kind} is executed`, `${name} receives the reply to ${kind}`]
}

export const WORLDS: readonly NamedWorld[] = [
  lockWorld({
    name: "queue",
    cast: "two callers, one of them with a fencing token",
    terms: [{}, { fencing: true }],
    faults: 2,
    quick: { depth: 16, faults: 1, states: 500 },
  }),
  lockWorld({
    name: "queue-of-three",
    cast: "three callers, one of which does not wait",
    terms: [{}, {}, { waitMs: 0 }],
    faults: 1,
    states: 500_000,
    quick: { depth: 16, faults: 0, states: 500 },
  }),
  lockWorld({
    name: "line",
    cast: "a holder, and two callers that wait already",
    terms: [{}, {}, {}],
    before: [...takes("A"), ...waits("B"), ...waits("C")],
    faults: 2,
    states: 500_000,
    quick: { depth: 16, faults: 1, states: 500 },
  }),
  lockWorld({
    name: "permits",
    cast: "three callers for two permits",
    terms: [{ limit: 2 }, { limit: 2 }, { limit: 2, ttlMs: 12_000 }],
    faults: 1,
    states: 500_000,
    quick: { depth: 16, faults: 0, states: 500 },
  }),
  lockWorld({
    name: "shared",
    cast: "two readers and a writer",
    terms: [{ limit: Infinity }, { limit: Infinity, ttlMs: 12_000 }, {}],
    faults: 1,
    states: 500_000,
    quick: { depth: 16, faults: 0, states: 500 },
  }),
  lockWorld({
    name: "watch",
    cast: "a holder that watches and renews, one that waits, and one that steals",
    terms: [{ watches: true, renews: true }, { watches: true }, { steals: true, waitMs: 0 }],
    faults: 1,
    states: 500_000,
    quick: { depth: 16, faults: 0, states: 500 },
  }),
  lockWorld({
    name: "steal",
    cast: "a reader that watches, one that renews, a writer that waits, and one that steals",
    terms: [
      { limit: Infinity, watches: true },
      { limit: Infinity, renews: true, ttlMs: 12_000 },
      {},
      { steals: true, waitMs: 0 },
    ],
    before: [...takes("A"), ...takes("B")],
    faults: 1,
    states: 500_000,
    quick: { depth: 16, faults: 0, states: 500 },
  }),
  lockWorld({
    name: "dead-head",
    cast: "a holder, and three callers that wait, of which the first has died",
    terms: [{}, {}, {}, {}],
    before: [...takes("A"), ...waits("B"), ...waits("C"), ...waits("D"), "B dies"],
    faults: 3,
    states: 500_000,
    quick: { depth: 16, faults: 2, states: 500 },
  }),
  lockWorld({
    name: "dead-second",
    cast: "a holder, and four callers that wait, of which the second has died",
    terms: [{}, {}, {}, {}, {}],
    before: [...takes("A"), ...waits("B"), ...waits("C"), ...waits("D"), ...waits("E"), "C dies"],
    faults: 2,
    states: 500_000,
    quick: { depth: 16, faults: 2, states: 500 },
  }),
  lockWorld({
    name: "dead-writer",
    cast: "a reader that renews, a writer that waited and has died, and a reader that waits",
    terms: [{ limit: Infinity, renews: true }, {}, { limit: Infinity }],
    before: [...takes("A"), ...waits("B"), ...waits("C"), "B dies"],
    faults: 2,
    states: 500_000,
    quick: { depth: 16, faults: 2, states: 500 },
  }),
  lockWorld({
    name: "long-hold",
    cast: "a holder for 36 s, and two callers that wait",
    terms: [{ ttlMs: 36_000 }, { waitMs: 60_000 }, { waitMs: 60_000 }],
    before: [...takes("A"), ...waits("B"), ...waits("C")],
    faults: 1,
    states: 500_000,
    quick: { depth: 16, faults: 1, states: 500 },
  }),
  lockWorld({
    name: "once",
    cast: "two calls of once whose result is remembered for 20 s",
    terms: [ONCE, ONCE],
    faults: 2,
    states: 500_000,
    quick: { depth: 16, faults: 1, states: 500 },
  }),
  lockWorld({
    name: "once-sharing",
    cast: "three calls of once whose result is for those that wait for it",
    terms: [SHARING, SHARING, SHARING],
    faults: 1,
    states: 500_000,
    quick: { depth: 16, faults: 0, states: 500 },
  }),
  quorumWorld({
    name: "quorum",
    cast: "two callers on three databases, one of which may forget everything",
    terms: [{}, {}],
    faults: 0,
    states: 500_000,
    quick: { depth: 16, faults: 0, states: 500 },
  }),
  quorumWorld({
    name: "quorum-held",
    cast: "a holder by two of three votes, and a caller, on three databases",
    terms: [{}, {}],
    before: holds("A"),
    faults: 1,
    states: 500_000,
    quick: { depth: 16, faults: 1, states: 500 },
  }),
  quorumWorld({
    name: "quorum-renewal",
    cast: "a holder that renews, and a caller that waits, on three databases",
    terms: [{ renews: true }, { waitMs: 12_000 }],
    before: holds("A"),
    faults: 1,
    states: 500_000,
    quick: { depth: 16, faults: 1, states: 500 },
  }),
  quorumWorld({
    name: "quorum-young",
    cast: "a holder whose only vote that is left is that of one database, a caller that died, and another",
    terms: [{}, {}, {}],
    before: [
      ...holds("A"),
      "A's vote at database 3 is lost",
      "database 2 forgets everything",
      "B calls",
      "B's vote is executed at database 2",
      "B dies",
    ],
    faults: 3,
    states: 500_000,
    quick: { depth: 16, faults: 2, states: 500 },
  }),
  quorumWorld({
    name: "quorum-retry",
    cast: "a caller whose first attempt has failed, since a database forgot and a vote was lost, and another",
    terms: [{}, {}],
    before: [
      "database 3 forgets everything",
      "A calls",
      "A's vote is executed at database 3",
      "A receives the reply to vote from database 3",
      "A's vote at database 2 is lost",
    ],
    faults: 2,
    states: 500_000,
    quick: { depth: 16, faults: 2, states: 500 },
  }),
  quorumWorld({
    name: "quorum-fencing",
    cast: "two callers with fencing tokens, on three databases of which one clock is 5 s ahead",
    terms: [{ fencing: true }, { fencing: true }],
    skewsMs: [5_000, 0, 0],
    before: votes("A", 1, 2),
    faults: 1,
    states: 500_000,
    quick: { depth: 16, faults: 1, states: 500 },
  }),
]

/** A caller gets the votes of two databases. */
function votes(name: string, ...databases: readonly number[]): string[] {
  return [
    `${name} calls`,
    ...databases.map((database) => `${name}'s vote is executed at database ${database}`),
    ...databases.map((database) => `${name} receives the reply to vote from database ${database}`),
  ]
}

/** A caller that needs no fencing token holds the lock then. Its request to the third database is still under way. */
function holds(name: string): string[] {
  return votes(name, 1, 2)
}

interface WorldOptions<T> extends Pick<NamedWorld, "name" | "cast" | "quick"> {
  readonly terms: readonly Partial<T>[]
  /** The names of the happenings before it begins. */
  readonly before?: readonly string[]
  readonly faults: number
  /** For a world that is too large to be explored to its end. */
  readonly states?: number
}

function quorumWorld({
  name,
  cast,
  terms,
  skewsMs = [0, 0, 0],
  before = [],
  faults,
  states = Infinity,
  quick,
}: WorldOptions<QuorumTerms> & {
  /** How far the clock of each database is ahead. */
  readonly skewsMs?: readonly number[]
}): NamedWorld {
  const all = quorumCallersWith(terms)
  const settings = {
    terms: all,
    skewsMs,
    before,
    quarantineMs: QUARANTINE_MS,
    endsWithinMs: ENDS_MS,
    idleWithinMs: idleMs(all),
  }
  return {
    name,
    cast,
    usual: { depth: Infinity, faults, states },
    quick,
    files: /^(vote|fence|quorum client|shared\/clock)/,
    explore: async ({ scripts, client }, bounds, onProgress) =>
      withoutChance(async () => {
        const keyspaces = await Keyspaces.create()
        const world = new QuorumWorld(keyspaces, scripts, client, settings, bounds)
        return shown(world, explore(world, bounds, onProgress))
      }),
  }
}

function lockWorld({
  name,
  cast,
  terms,
  before = [],
  faults,
  states = Infinity,
  quick,
}: WorldOptions<Terms>): NamedWorld {
  const all = callersWith(terms)
  const settings = { terms: all, before, endsWithinMs: ENDS_MS, idleWithinMs: idleMs(all) }
  return {
    name,
    cast,
    usual: { depth: Infinity, faults, states },
    quick,
    files: terms.some(({ once }) => once)
      ? /^(shared\/once|once-)/
      : /^(shared\/(?!once)|acquire|claim|extend|read-hold|release|steal)/,
    explore: async ({ scripts }, bounds, onProgress) =>
      withoutChance(async () => {
        const keyspaces = await Keyspaces.create()
        const world = new LockWorld(keyspaces, scripts, settings, bounds)
        return shown(world, explore(world, bounds, onProgress))
      }),
  }
}

/** The rest of a hold, the leases of those that died, and the pauses of those that check. */
function idleMs(terms: readonly { readonly ttlMs: number }[]): number {
  return Math.max(...terms.map(({ ttlMs }) => ttlMs)) + 10_000
}

/** The pauses of the model are those of the library, whose jitter is the middle of its range here. */
async function withoutChance<T>(work: () => Promise<T>): Promise<T> {
  const { random } = Math
  Math.random = () => 0.5
  try {
    return await work()
  } finally {
    Math.random = random
  }
}

function shown<S, H extends Happening>(
  world: {
    initial: S
    columns: readonly string[]
    after(s: S, h: H): S
    encode(s: S): string
    decode(t: string): S
    show(s: S): readonly string[]
  },
  exploration: Exploration<H>,
): Shown {
  const rows: string[][] = []
  let state: S | undefined
  let ms = 0
  const { violation } = exploration
  for (const happening of violation?.schedule ?? []) {
    ms += happening.ms
    const time = `${ms} ms`
    try {
      state = world.decode(world.encode(world.after(state ?? world.initial, happening)))
      rows.push([time, happening.name, ...world.show(state)])
    } catch {
      // The last one violates an invariant.
      rows.push([time, happening.name, ...world.columns.map(() => "")])
    }
  }
  return { exploration, columns: ["time", "what happens", ...world.columns], rows }
}

// The worlds that can be explored, with the bounds within which each is explored to its end in a few minutes.
import type { Scripts } from "../../test/support/waiter-by-hand.js"
import { explore, type Exploration, type OnProgress } from "./explore.js"
import { Keyspaces } from "./keyspaces.js"
import { callersWith, type Terms } from "./lock/state.js"
import { LockWorld } from "./lock/world.js"
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
  explore(scripts: Scripts, bounds: Bounds, onProgress?: OnProgress): Promise<Shown>
}

/** An exploration, with a table of the schedule that it found. */
export interface Shown {
  readonly exploration: Exploration<Happening>
  /** The columns of the table, and its rows: what happens, and the state after it. */
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

const ONCE = { once: { rememberMs: 20_000 }, renews: true }

/** The rest of a hold, the leases of those that died, and the pauses of those that check. */
const IDLE_MS = 20_000
/** The wait of a call, its clean-up, and the life of a queue. */
const ENDS_MS = 150_000

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
    quick: { depth: 16, faults: 1, states: 4_000 },
  }),
  lockWorld({
    name: "queue-of-three",
    cast: "three callers, one of which does not wait",
    terms: [{}, {}, { waitMs: 0 }],
    faults: 1,
    states: 500_000,
    quick: { depth: 16, faults: 0, states: 4_000 },
  }),
  lockWorld({
    name: "line",
    cast: "a holder, and two callers that wait already",
    terms: [{}, {}, {}],
    before: [...takes("A"), ...waits("B"), ...waits("C")],
    faults: 2,
    states: 500_000,
    quick: { depth: 16, faults: 1, states: 4_000 },
  }),
  lockWorld({
    name: "permits",
    cast: "three callers for two permits",
    terms: [{ limit: 2 }, { limit: 2 }, { limit: 2, ttlMs: 12_000 }],
    faults: 1,
    states: 500_000,
    quick: { depth: 16, faults: 0, states: 4_000 },
  }),
  lockWorld({
    name: "shared",
    cast: "two readers and a writer",
    terms: [{ limit: Infinity }, { limit: Infinity, ttlMs: 12_000 }, {}],
    faults: 1,
    states: 500_000,
    quick: { depth: 16, faults: 0, states: 4_000 },
  }),
  lockWorld({
    name: "watch",
    cast: "a holder that watches and renews, one that waits, and one that steals",
    terms: [{ watches: true, renews: true }, { watches: true }, { steals: true, waitMs: 0 }],
    faults: 1,
    states: 500_000,
    quick: { depth: 16, faults: 0, states: 4_000 },
  }),
  lockWorld({
    name: "once",
    cast: "two calls of once whose result is remembered for 20 s",
    terms: [ONCE, ONCE],
    faults: 2,
    states: 500_000,
    quick: { depth: 16, faults: 1, states: 4_000 },
  }),
]

function lockWorld({
  name,
  cast,
  terms,
  before = [],
  faults,
  states = Infinity,
  quick,
}: {
  readonly name: string
  readonly cast: string
  readonly terms: readonly Partial<Terms>[]
  /** The names of the happenings before it begins. */
  readonly before?: readonly string[]
  readonly faults: number
  /** For a world that is too large to be explored to its end. */
  readonly states?: number
  readonly quick: Bounds
}): NamedWorld {
  const all = callersWith(terms)
  const settings = { terms: all, before, endsWithinMs: ENDS_MS, idleWithinMs: IDLE_MS }
  return {
    name,
    cast,
    usual: { depth: Infinity, faults, states },
    quick,
    files: terms.some(({ once }) => once)
      ? /^(shared\/once|once-)/
      : /^(shared\/(?!once)|acquire|claim|extend|read-hold|release|steal)/,
    explore: async (scripts, bounds, onProgress) =>
      withoutChance(async () => {
        const keyspaces = await Keyspaces.create()
        const world = new LockWorld(keyspaces, scripts, settings, bounds)
        return shown(world, explore(world, bounds, onProgress))
      }),
  }
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

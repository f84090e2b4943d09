// Every path through every script, so that what it costs can be measured.
import { type LockByHand, type WaiterByHand, waiterByHand } from "../support/waiter-by-hand.js"

/** A lock with a holder, a caller, and others who wait. */
export interface Scene {
  readonly lock: LockByHand
  readonly holder: WaiterByHand
  readonly caller: WaiterByHand
}

/** One path: what has happened before, and the call that is measured. */
export interface Path {
  readonly script: string
  readonly when: string
  readonly before?: (scene: Scene) => Promise<unknown>
  readonly call: (scene: Scene) => Promise<unknown>
  readonly fencing?: boolean
}

const held = ({ lock, holder }: Scene) => lock.take(holder.token)

const waiting =
  (n: number, options?: Parameters<typeof waiterByHand>[0]) =>
  async ({ lock }: Scene) => {
    for (let i = 0; i < n; i++) await lock.enqueue(waiterByHand(options))
  }

const planted =
  (n: number, agoMs = 0) =>
  async ({ lock }: Scene) => {
    for (let i = 0; i < n; i++) await lock.plant(waiterByHand(), agoMs)
  }

const queued = ({ lock, caller }: Scene) => lock.enqueue(caller)

const all =
  (...steps: readonly ((scene: Scene) => Promise<unknown>)[]) =>
  async (scene: Scene) => {
    for (const step of steps) await step(scene)
  }

const ask = {
  try: ({ lock, caller }: Scene) => lock.try(caller),
  enqueue: ({ lock, caller }: Scene) => lock.enqueue(caller),
  check: ({ lock, caller }: Scene) => lock.check(caller, String(Date.now() * 1_000)),
  checkOld: ({ lock, caller }: Scene) => lock.check(caller, String((Date.now() - 15_000) * 1_000)),
  release: ({ lock, holder }: Scene) => lock.release(holder.token),
  leave: ({ lock, caller }: Scene) => lock.leave(caller),
}

const mine = ({ lock, caller }: Scene) => lock.take(caller.token)
const fencing = true

export const paths: readonly Path[] = [
  { script: "acquire: try", when: "free", call: ask.try },
  { script: "acquire: try", when: "free, with fencing", call: ask.try, fencing },
  { script: "acquire: try", when: "held", before: held, call: ask.try },
  { script: "acquire: try", when: "ours already", before: mine, call: ask.try },
  { script: "acquire: try", when: "free, somebody waits", before: planted(1), call: ask.try },
  { script: "acquire: try", when: "free, several wait", before: planted(2), call: ask.try },
  { script: "acquire: enqueue", when: "free", call: ask.enqueue },
  { script: "acquire: enqueue", when: "held, the first to wait", before: held, call: ask.enqueue },
  {
    script: "acquire: enqueue",
    when: "held, others wait",
    before: all(held, waiting(1)),
    call: ask.enqueue,
  },
  {
    script: "acquire: enqueue",
    when: "in the queue already",
    before: all(held, queued),
    call: ask.enqueue,
  },
  { script: "acquire: enqueue", when: "ours already", before: mine, call: ask.enqueue },
  { script: "acquire: check", when: "held", before: all(held, queued), call: ask.check },
  {
    script: "acquire: check",
    when: "held, waiting for more than 5 s",
    before: all(held, queued),
    call: ask.checkOld,
  },
  {
    script: "acquire: check",
    when: "held, not marked",
    before: held,
    call: ask.check,
  },
  { script: "acquire: check", when: "ours already", before: mine, call: ask.check },
  {
    script: "acquire: check",
    when: "free, we are the only one",
    before: ({ lock, caller }) => lock.plant(caller),
    call: ask.check,
  },
  {
    script: "acquire: check",
    when: "free, two are before us",
    before: all(planted(2, 1_000), ({ lock, caller }) => lock.plant(caller)),
    call: ask.check,
  },
  {
    script: "extend",
    when: "ours",
    before: held,
    call: ({ lock, holder }) => lock.extend(holder.token, 30_000),
  },
  { script: "extend", when: "not ours", call: ({ lock, holder }) => lock.extend(holder.token, 10) },
  {
    script: "inspect",
    when: "always",
    before: all(held, queued),
    call: ({ lock }) => lock.inspect(),
  },
  {
    script: "look",
    when: "ours",
    before: held,
    call: ({ lock, holder }) => lock.look(holder.token),
  },
  { script: "look", when: "not ours", call: ({ lock, holder }) => lock.look(holder.token) },
  { script: "release", when: "nobody waits", before: held, call: ask.release },
  {
    script: "release",
    when: "all who waited have left",
    before: all(held, queued, ask.leave),
    call: ask.release,
  },
  {
    script: "release",
    when: "handed on, others wait",
    before: all(held, waiting(2)),
    call: ask.release,
  },
  {
    script: "release",
    when: "handed on to the last waiter",
    before: all(held, waiting(1)),
    call: ask.release,
  },
  {
    script: "release",
    when: "handed on to the last waiter, with fencing",
    before: all(held, waiting(1, { fencing })),
    call: ask.release,
  },
  {
    script: "release",
    when: "handed on to the last waiter, past a dead one",
    before: all(held, planted(1, 31_000), waiting(1)),
    call: ask.release,
  },
  { script: "release", when: "taken", before: mine, call: ask.release },
  { script: "release", when: "gone", call: ask.release },
  { script: "release: leave", when: "held", before: all(held, queued), call: ask.leave },
]

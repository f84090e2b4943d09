// Every path through every script, so that its cost can be measured.
import { setTimeout as sleep } from "node:timers/promises"
import { type LockByHand, type WaiterByHand, waiterByHand } from "../support/waiter-by-hand.js"

/** A lock with a holder, a caller, and others who wait. */
export interface Scene {
  readonly lock: LockByHand
  readonly holder: WaiterByHand
  readonly caller: WaiterByHand
  /** Opens a listener on a channel, as a live waiter does. */
  readonly hear: (channel: string) => Promise<unknown>
}

/** One path: the earlier steps, and the call that is measured. */
export interface Path {
  readonly script: string
  readonly when: string
  readonly before?: (scene: Scene) => Promise<unknown>
  readonly call: (scene: Scene) => Promise<unknown>
  readonly fencing?: boolean
  /** How many may hold the lock together, if holder and caller share it. */
  readonly limit?: number
}

const held = ({ lock, holder }: Scene) => lock.take(holder.token)

type Options = Parameters<typeof waiterByHand>[0]

/** Puts the given number of listening waiters into the queue. */
const living =
  (
    n: number,
    enter: (lock: LockByHand, waiter: WaiterByHand) => Promise<unknown>,
    options?: Options,
  ) =>
  async ({ lock, hear }: Scene) => {
    for (let i = 0; i < n; i++) {
      const waiter = waiterByHand(options)
      await hear(waiter.channel)
      await enter(lock, waiter)
    }
  }

const waiting = (n: number, options?: Options) =>
  living(n, (lock, waiter) => lock.enqueue(waiter), options)

const planted = (n: number) => living(n, (lock, waiter) => lock.plant(waiter, 1_000))

const died =
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

/** The holder shares the lock with the given number of others. */
const shared =
  (others = 0, limit = Infinity) =>
  async ({ lock, holder }: Scene) => {
    await lock.try(holder)
    // Its hold ends before the others, by more than the millisecond in which they could begin together.
    if (others > 0) await sleep(2)
    for (let i = 0; i < others; i++) await lock.try(waiterByHand({ limit }))
  }

/** The value that the first step of a steal finds, so that the second step can be measured. */
const found = new WeakMap<Scene, string>()
const look = async (scene: Scene) => {
  const [, , digest] = (await scene.lock.steal(scene.caller.token)) as [string, number, string]
  found.set(scene, digest)
}
const replace = (scene: Scene) => scene.lock.steal(scene.caller.token, found.get(scene))
/** The holder's token says that it watches. */
const heldWatching = ({ lock }: Scene) => lock.take("fl_client_0123456789012345678901.w")
const started = ({ lock }: Scene) => lock.start()
const vote = ({ lock, caller }: Scene, attempt: number) =>
  lock.vote(caller.token, attempt, { quarantineMs: 60_000 })

const mine = ({ lock, caller }: Scene) => lock.take(caller.token)
const fencing = true
const limit = Infinity

const claim = ({ lock, caller }: Scene) => lock.claim(caller.token)
const claimOrWait = ({ lock, caller }: Scene) => lock.claimOrWait(caller)

export const paths: readonly Path[] = [
  { script: "claim", when: "free", call: claim },
  { script: "claim", when: "held", before: held, call: claim },
  { script: "claim", when: "ours already", before: mine, call: claim },
  { script: "acquire: try", when: "free", call: ask.try },
  { script: "acquire: try", when: "free, with fencing", call: ask.try, fencing },
  { script: "acquire: try", when: "held", before: held, call: ask.try },
  { script: "acquire: try", when: "ours already", before: mine, call: ask.try },
  { script: "acquire: try", when: "free, somebody waits", before: planted(1), call: ask.try },
  { script: "acquire: try", when: "free, several wait", before: planted(2), call: ask.try },
  { script: "acquire: claim", when: "free", call: claimOrWait },
  { script: "acquire: claim", when: "held, the first to wait", before: held, call: claimOrWait },
  {
    script: "acquire: claim",
    when: "held, others wait",
    before: all(held, waiting(1)),
    call: claimOrWait,
  },
  { script: "acquire: claim", when: "ours already", before: mine, call: claimOrWait },
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
    when: "held, not flagged",
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
    before: all(planted(2), ({ lock, caller }) => lock.plant(caller)),
    call: ask.check,
  },
  {
    script: "acquire: check",
    when: "free, two that died are before us",
    before: all(died(2, 1_000), ({ lock, caller }) => lock.plant(caller)),
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
    script: "read-hold",
    when: "ours",
    before: held,
    call: ({ lock, holder }) => lock.readHold(holder.token),
  },
  {
    script: "read-hold",
    when: "not ours",
    call: ({ lock, holder }) => lock.readHold(holder.token),
  },
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
    when: "handed on, two that died are next",
    before: all(held, waiting(1), died(2), waiting(1)),
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
    before: all(held, died(1, 31_000), waiting(1)),
    call: ask.release,
  },
  { script: "release", when: "taken", before: mine, call: ask.release },
  { script: "release", when: "gone", call: ask.release },
  { script: "release: leave", when: "held", before: all(held, queued), call: ask.leave },
  { script: "acquire: claim", when: "free, to share", call: claimOrWait, limit },
  {
    script: "acquire: claim",
    when: "shared by others",
    before: shared(),
    call: claimOrWait,
    limit,
  },
  { script: "acquire: try", when: "free, to share", call: ask.try, limit },
  {
    script: "acquire: try",
    when: "shared by others",
    before: shared(),
    call: ask.try,
    limit,
  },
  {
    script: "acquire: try",
    when: "a permit is left",
    before: shared(1, 5),
    call: ask.try,
    limit: 5,
  },
  {
    script: "acquire: try",
    when: "no permit is left",
    before: shared(1, 2),
    call: ask.try,
    limit: 2,
  },
  {
    script: "acquire: enqueue",
    when: "no permit is left",
    before: shared(1, 2),
    call: ask.enqueue,
    limit: 2,
  },
  {
    script: "extend",
    when: "shared",
    before: shared(),
    call: ({ lock, holder }) => lock.extend(holder.token, 60_000),
    limit,
  },
  {
    script: "read-hold",
    when: "shared",
    before: shared(),
    call: ({ lock, holder }) => lock.readHold(holder.token),
    limit,
  },
  { script: "release", when: "the last who shared it", before: shared(), call: ask.release, limit },
  {
    script: "release",
    when: "others still share it",
    before: shared(2),
    call: ask.release,
    limit,
  },
  {
    script: "release",
    when: "a permit, handed on, others wait",
    before: all(shared(1, 2), waiting(2, { limit: 2 })),
    call: ask.release,
    limit: 2,
  },
  {
    script: "release",
    when: "handed on to two who share it",
    before: all(held, waiting(2, { limit })),
    call: ask.release,
  },
  { script: "steal", when: "free", call: ({ lock, caller }) => lock.steal(caller.token) },
  {
    script: "steal",
    when: "held: what stands there",
    before: held,
    call: ({ lock, caller }) => lock.steal(caller.token),
  },
  { script: "steal", when: "held: replaced", before: all(held, look), call: replace },
  {
    script: "steal",
    when: "shared by two: replaced",
    before: all(shared(1), look),
    call: replace,
    limit,
  },
  {
    script: "steal",
    when: "held by one that watches: replaced",
    before: all(heldWatching, look),
    call: replace,
  },
  { script: "snapshot", when: "free", call: ({ lock }) => lock.snapshot() },
  { script: "snapshot", when: "held", before: held, call: ({ lock }) => lock.snapshot() },
  {
    script: "snapshot",
    when: "shared",
    before: shared(1),
    call: ({ lock }) => lock.snapshot(),
    limit,
  },
  { script: "vote", when: "free", before: started, call: (scene) => vote(scene, 1) },
  {
    script: "vote",
    when: "ours by an earlier attempt",
    before: all(started, (scene) => vote(scene, 1)),
    call: (scene) => vote(scene, 2),
  },
  {
    script: "vote",
    when: "ours already",
    before: all(started, (scene) => vote(scene, 1)),
    call: (scene) => vote(scene, 1),
  },
  { script: "vote", when: "held", before: all(started, held), call: (scene) => vote(scene, 1) },
  {
    script: "vote",
    when: "the first time",
    before: ({ lock }) => lock.forget(),
    call: (scene) => vote(scene, 1),
  },
  {
    script: "vote",
    when: "too young",
    before: all(
      ({ lock }) => lock.forget(),
      (scene) => vote(scene, 1),
    ),
    call: (scene) => vote(scene, 1),
  },
  {
    script: "fence",
    when: "ours",
    before: held,
    call: ({ lock, holder }) => lock.fence(holder.token, 7),
  },
  {
    script: "fence",
    when: "ours, and a greater one is known",
    before: all(held, ({ lock, holder }) => lock.fence(holder.token, 8)),
    call: ({ lock, holder }) => lock.fence(holder.token, 7),
  },
  { script: "fence", when: "not ours", call: ({ lock, holder }) => lock.fence(holder.token, 7) },
  { script: "start", when: "always", call: ({ lock }) => lock.start() },
]

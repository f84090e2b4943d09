// The contract of events and errors: their facts, and that they never reveal a token.
import { expect, test } from "vitest"
import { everything, nothing } from "../support/fault-proxy.js"
import {
  acquireAtLast,
  abortion,
  everythingSaidBy,
  recorder,
  rejection,
  until,
} from "../support/outcomes.js"
import { REST_TOKEN } from "../support/variants.js"
import { holdAsStranger, type Lab } from "./lab.js"

export function telling(lab: () => Lab): void {
  test("the events of a lock's life come in order, with their facts", async () => {
    const { locks, command, name, variant } = lab()
    const first = await locks().acquire(name())
    const { events, onEvent, of } = recorder()
    const manager = locks({ onEvent })
    const waiting = manager.acquire(first.name, { fencing: true })
    await until(() => of("queued").length === 1)
    await first.release()
    const lock = await waiting
    // Of two extensions in flight at once, one may gain nothing, and emits no event.
    await until(() => of("renewed").length === (variant.hasQueue ? 1 : 0))
    await lock.extend()
    await lock.release()
    const again = await manager.acquire(first.name)
    await command("DEL", `lock:${first.name}`)
    await rejection(again.extend())
    const shared = { name: first.name }
    const number = expect.any(Number) as number
    expect(events).toEqual([
      { type: "queued", ...shared, place: variant.hasQueue ? 0 : undefined },
      {
        type: "granted",
        ...shared,
        waitedMs: number,
        requests: number,
        wasQueued: true,
        fencingToken: lock.fencingToken,
      },
      // The lease of a hand-off is extended at once, and then the caller extended it.
      ...(variant.hasQueue ? [{ type: "renewed", ...shared, remainingMs: number }] : []),
      { type: "renewed", ...shared, remainingMs: number },
      { type: "released", ...shared, result: "released", heldMs: number },
      {
        type: "granted",
        ...shared,
        waitedMs: number,
        requests: 1,
        wasQueued: false,
        fencingToken: undefined,
      },
      { type: "lost", ...shared, reason: "deleted", heldMs: number },
    ])
    const [granted] = of("granted")
    expect(granted?.requests).toBeGreaterThan(1)
    expect(granted?.waitedMs).toBeGreaterThan(0)
    expect(of("renewed").at(-1)?.remainingMs).toBeGreaterThan(29_000)
    expect(of("released")[0]?.heldMs).toBeGreaterThan(0)
  })

  test("a call that does not wait emits no queued event", async () => {
    const { locks, name } = lab()
    const lock = await locks().acquire(name())
    const { events, onEvent } = recorder()
    await locks({ onEvent }).tryAcquire(lock.name)
    await rejection(locks({ onEvent }).acquire(lock.name, { wait: 0 }))
    const refusal = { type: "not-granted", name: lock.name, reason: "busy", wasQueued: false }
    expect(events).toMatchObject([refusal, refusal])
  })

  test("no event and no error ever reveals a token", async () => {
    const { proxied, variant, name } = lab()
    const { proxy, locks } = await proxied()
    const { events, onEvent, of } = recorder()
    const manager = locks({ onEvent, timeout: 500 })
    const echo = (status: number) => ({
      kind: "replaced" as const,
      executed: false,
      status,
      body: JSON.stringify({ error: `ERR no, command was: [${manager.clientId}]` }),
    })
    const errors: unknown[] = []
    const held = { ttl: "20s", renew: false, fencing: true } as const
    const lock = await acquireAtLast(manager, name(), held)
    const lost = await acquireAtLast(manager, name(), { ttl: 1_200, renew: false })
    errors.push(await abortion(lost.signal))
    errors.push(await rejection(manager.acquire(lock.name, { wait: 0 })))
    for (const fault of [
      echo(400),
      echo(500),
      { kind: "hang", executed: true, after: "nothing" },
      { kind: "hang", executed: true, after: "half" },
      { kind: "truncated", framing: "intact" },
      { kind: "truncated", framing: "broken" },
      { kind: "reply-lost", by: "reset" },
    ] as const) {
      proxy.plan = () => fault
      errors.push(await rejection(lock.extend()))
      errors.push(await rejection(manager.tryAcquire(name())))
    }
    errors.push(await rejection(lock.release()))
    proxy.plan = nothing
    await holdAsStranger(lab(), lock.name, 1_000)
    // On a busy machine the reply may not come within the manager's short timeout.
    await until(() =>
      lock.release().then(
        () => true,
        () => false,
      ),
    )
    const said = [...errors, ...events, of("release-failed"), lock, lock.toJSON(), manager]
      .map(everythingSaidBy)
      .join("\n")
    expect(errors).toHaveLength(17)
    expect(said).not.toContain(lock.token)
    expect(said).not.toContain(lost.token)
    expect(said).not.toContain(`fl_${manager.clientId}_`)
    // The user's own client is not ours to hide; ours is.
    if (variant.client === "fetch client") expect(said).not.toContain(REST_TOKEN)
  })

  test("an error that quotes the command leaves out its tokens", async () => {
    const { proxied, name } = lab()
    const { proxy, locks } = await proxied()
    const manager = locks()
    proxy.plan = (request) => {
      const error = `ERR bad command: ${JSON.stringify(request.commands)}`
      const [pipelined] = request.commands
      const body = JSON.stringify(pipelined ? { error } : [{ error }])
      return { kind: "replaced", executed: false, status: 400, body }
    }
    const error = await rejection(manager.tryAcquire(name()))
    proxy.plan = everything({ kind: "replaced", executed: false, status: 400, body: "fl_a_b" })
    const rubbish = await rejection(manager.tryAcquire(name()))
    for (const said of [error, rubbish].map(everythingSaidBy)) {
      expect(said).toContain("LockBackendError")
      expect(said).not.toContain(`fl_${manager.clientId}_`)
      expect(said).not.toContain("fl_a_b")
    }
  })
}

// Which command a hold sends: the single one while nobody is known to wait, the script otherwise and ever after.
import { describe, expect, test, vi } from "vitest"
import { HoldCommands, type Sender } from "../../src/hold-commands.js"
import type { LockStore, PlainHolds } from "../../src/store/store.js"
import { now, Validity } from "../../src/validity.js"
import { scriptedStore } from "../support/scripted-store.js"
import { useVirtualTime } from "../support/virtual-time.js"

const TTL = 30_000
const claim = { name: "a", token: "fl_a_b" }

useVirtualTime()

/** A hold on a store that notes what it is asked; single commands take so long, and do nothing where it is marked. */
function hold(sender: Partial<Sender> = {}, { isMarked = false, takesMs = 0, plain = {} } = {}) {
  const asked: string[] = []
  const takes = async <T>(answer: T) => {
    await new Promise((resolve) => setTimeout(resolve, takesMs))
    return answer
  }
  const single: PlainHolds = {
    isAvailable: true,
    extend: (of, ttlMs, timeoutMs) => {
      asked.push(`SET ${of.token} ${String(ttlMs)} in ${String(timeoutMs)}`)
      return takes(isMarked ? undefined : Validity.ofTtl(now(), ttlMs))
    },
    release: (of, timeoutMs) => {
      asked.push(`DELEX ${of.token} in ${String(timeoutMs)}`)
      return takes(!isMarked)
    },
    ...plain,
  }
  const store: LockStore = {
    ...scriptedStore({}),
    plain: single,
    extend: ({ token, ttlMs, mayBeShortened }, timeoutMs) => {
      const mark = mayBeShortened ? " and marks" : ""
      asked.push(`extend ${token} ${String(ttlMs)}${mark} in ${String(timeoutMs)}`)
      return Promise.resolve(Validity.ofTtl(now(), ttlMs))
    },
    release: ({ token }, timeoutMs) => {
      asked.push(`release ${token} in ${String(timeoutMs)}`)
      return Promise.resolve("taken")
    },
  }
  const commands = new HoldCommands({
    store,
    claim,
    ttlMs: TTL,
    isPlain: true,
    isAdopted: false,
    ...sender,
  })
  const settled = async <T>(promise: Promise<T>) => {
    await vi.advanceTimersByTimeAsync(takesMs)
    return promise
  }
  return { commands, asked, settled, store }
}

describe("extend", () => {
  test("is one command while every extension has the ttl that the hold began with", async () => {
    const { commands, asked, settled } = hold()
    await settled(commands.extend(TTL, 1_000))
    const validity = await settled(commands.extend(TTL, 1_000))
    expect(asked).toEqual(["SET fl_a_b 30000 in 500", "SET fl_a_b 30000 in 500"])
    expect(validity).toBeInstanceOf(Validity)
  })

  test("to another ttl is a script, which marks if a single command may be on its way; so are all after it", async () => {
    const fresh = hold()
    await fresh.commands.extend(60_000, 1_000)
    await fresh.commands.extend(TTL, 1_000)
    expect(fresh.asked).toEqual(["extend fl_a_b 60000 in 1000", "extend fl_a_b 30000 in 1000"])
    const { commands, asked, settled } = hold()
    await settled(commands.extend(TTL, 1_000))
    await commands.extend(60_000, 1_000)
    expect(asked.at(-1)).toBe("extend fl_a_b 60000 and marks in 1000")
  })

  test("of a hold that somebody waits for is a script, in what is left of the time, half at least, and so are all after it", async () => {
    const { commands, asked, settled } = hold({}, { isMarked: true, takesMs: 300 })
    await settled(commands.extend(TTL, 1_000))
    await commands.extend(TTL, 1_000)
    expect(asked).toEqual([
      "SET fl_a_b 30000 in 500",
      "extend fl_a_b 30000 and marks in 700",
      "extend fl_a_b 30000 and marks in 1000",
    ])
    const late = hold({}, { isMarked: true, takesMs: 1_500 })
    await late.settled(late.commands.extend(TTL, 1_000))
    expect(late.asked.at(-1)).toBe("extend fl_a_b 30000 and marks in 1")
  })

  test("of a hold that came out of the queue is a script; of one that began elsewhere, one that marks", async () => {
    const queued = hold({ isPlain: false })
    await queued.commands.extend(TTL, 1_000)
    expect(queued.asked).toEqual(["extend fl_a_b 30000 in 1000"])
    const adopted = hold()
    const { store } = adopted
    const commands = new HoldCommands({ store, claim, ttlMs: TTL, isAdopted: true })
    await commands.extend(TTL, 1_000)
    expect(adopted.asked).toEqual(["extend fl_a_b 30000 and marks in 1000"])
  })

  test("is a script where the database has no such command", async () => {
    const { commands, asked, store } = hold({}, { plain: { isAvailable: false } })
    await commands.extend(TTL, 1_000)
    const without = hold({ store: { ...store, plain: undefined } })
    await without.commands.extend(TTL, 1_000)
    expect(asked).toEqual(["extend fl_a_b 30000 in 1000", "extend fl_a_b 30000 in 1000"])
  })
})

describe("release", () => {
  test("is one command while nobody waits", async () => {
    const { commands, asked, settled } = hold()
    expect(await settled(commands.release(1_000))).toBe("released")
    expect(asked).toEqual(["DELEX fl_a_b in 500"])
  })

  test("that is asked about again is a script", async () => {
    const { commands, asked, settled } = hold()
    await settled(commands.release(1_000))
    expect(await commands.release(1_000)).toBe("taken")
    expect(asked.at(-1)).toBe("release fl_a_b in 1000")
  })

  test("of a hold that somebody waits for is a script, in what is left of the time, half at least", async () => {
    const { commands, asked, settled } = hold({}, { isMarked: true, takesMs: 300 })
    expect(await settled(commands.release(1_000))).toBe("taken")
    expect(asked).toEqual(["DELEX fl_a_b in 500", "release fl_a_b in 700"])
    const late = hold({}, { isMarked: true, takesMs: 1_500 })
    await late.settled(late.commands.release(1_000))
    expect(late.asked.at(-1)).toBe("release fl_a_b in 1")
  })

  test("of a hold that came out of the queue is a script", async () => {
    const { commands, asked } = hold({ isPlain: false })
    await commands.release(1_000)
    expect(asked).toEqual(["release fl_a_b in 1000"])
  })
})

// The common part of all clients: a manager for one visitor, and access to the register.
import { type LockEvent, LockManager } from "../../../src/index.js"
import { openStore } from "../../../src/redis/open-store.js"
import type { LockStore, StoreRecipe } from "../../../src/redis/store.js"
import { EventCount } from "../../../test/support/event-count.js"
import { isFar } from "../far-clients.js"
import { dated } from "../sent-at.js"
import { Random } from "../random.js"
import { fetchIgnoringAbort } from "./fetch-ignoring-abort.js"
import type { Diary } from "./diary.js"
import type { ClientSettings } from "./settings.js"
import type { Scene } from "./visit.js"

interface Surroundings extends Pick<Scene, "nextVisit" | "end"> {
  readonly diary: Diary
  /** The visitor's number within its client. */
  readonly visitor: number
  readonly waitUntil?: (work: Promise<unknown>) => void
  /** The stores that some visitors share, where requests may share a stream: one for each kind of `fetch`. */
  readonly stores?: Map<boolean, LockStore>
}

/** The share of visitors whose waits share one stream. */
const SHARING = 0.6

export function setScene(settings: ClientSettings, surroundings: Surroundings): Scene {
  const { client, seed, url, token, witness, timeoutMs } = settings
  const { visitor, waitUntil, stores, ...others } = surroundings
  const latest: Scene["latest"] = { release: undefined }
  const count = new EventCount()
  const random = Random.of(seed, client, visitor)
  const ignoresAbort = isFar(client) || random.chance(0.4)
  const shared: StoreRecipe = {
    openStore: (given) => {
      const store = stores?.get(ignoresAbort) ?? openStore({ ...given, redis: { url, token } })
      stores?.set(ignoresAbort, store)
      return store
    },
  }
  const options = {
    fetch: dated(ignoresAbort ? fetchIgnoringAbort : (url, init) => fetch(url, init)),
    redis: stores && random.chance(SHARING) ? shared : { url, token },
    timeout: timeoutMs,
    clientId: `client-${client}`,
    waitUntil,
  }
  const open = (listener?: (event: LockEvent) => void) =>
    new LockManager({
      ...options,
      onEvent: (event) => {
        count.onEvent(event)
        if (event.type === "released") latest.release = event.result
        listener?.(event)
      },
    })
  const write = async (name: string, fence: number) => {
    const response = await fetch(`${witness}/register`, {
      method: "POST",
      body: JSON.stringify({ name, fence }),
    })
    return (await response.json()) === true
  }
  return { ...others, client, latest, count, locks: open(), open, write }
}

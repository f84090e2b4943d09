// The common part of all clients: a manager for one visitor, and access to the register.
import { type LockEvent, LockManager } from "../../../src/index.js"
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
}

export function setScene(settings: ClientSettings, surroundings: Surroundings): Scene {
  const { client, seed, url, token, witness, timeoutMs } = settings
  const { visitor, waitUntil, ...others } = surroundings
  const latest: Scene["latest"] = { release: undefined }
  const count = new EventCount()
  const onEvent = (event: LockEvent) => {
    count.onEvent(event)
    if (event.type === "released") latest.release = event.result
  }
  const ignoresAbort = isFar(client) || Random.of(seed, client, visitor).chance(0.4)
  const locks = new LockManager({
    onEvent,
    fetch: dated(ignoresAbort ? fetchIgnoringAbort : (url, init) => fetch(url, init)),
    redis: { url, token },
    timeout: timeoutMs,
    clientId: `client-${client}`,
    waitUntil,
  })
  const write = async (name: string, fence: number) => {
    const response = await fetch(`${witness}/register`, {
      method: "POST",
      body: JSON.stringify({ name, fence }),
    })
    return (await response.json()) === true
  }
  return { ...others, client, latest, count, locks, write }
}

// What all clients have in common, wherever they run: a manager for one visitor, and the way to the register.
import { type LockEvent, LockManager } from "../../../src/index.js"
import { isFar } from "../far-clients.js"
import { dated } from "../sent-at.js"
import { Random } from "../random.js"
import { deafFetch } from "./deaf-fetch.js"
import type { Diary } from "./diary.js"
import type { ClientSettings } from "./settings.js"
import type { Scene } from "./visit.js"

interface Surroundings extends Pick<Scene, "nextVisit" | "end"> {
  readonly diary: Diary
  /** Tells this visitor from the others of its client. */
  readonly visitor: number
  readonly waitUntil?: (work: Promise<unknown>) => void
}

export function setScene(settings: ClientSettings, surroundings: Surroundings): Scene {
  const { client, seed, url, token, witness, timeoutMs } = settings
  const { visitor, waitUntil, ...others } = surroundings
  const heard: Scene["heard"] = { released: undefined }
  const onEvent = (event: LockEvent) => {
    if (event.type === "released") heard.released = event.result
  }
  const isDeaf = isFar(client) || Random.of(seed, client, visitor).chance(0.4)
  const locks = new LockManager({
    onEvent,
    fetch: dated(isDeaf ? deafFetch : (url, init) => fetch(url, init)),
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
  return { ...others, client, heard, locks, write }
}

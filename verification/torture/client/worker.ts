// A client that is a Worker: one visit for each request. It shares no clock with others.
import { NoteDiary } from "./diary.js"
import { Random } from "../random.js"
import { pickErrand } from "./errand.js"
import type { Note } from "./notes.js"
import { setScene } from "./scene.js"
import type { ClientSettings } from "./settings.js"
import { UNHANDLED } from "./unhandled.js"
import { visit } from "./visit.js"

interface Env {
  readonly SETTINGS: string
}

interface Context {
  waitUntil(work: Promise<unknown>): void
}

// workerd does not report unhandled rejections. They are logged, since the witness may be out of reach at that moment.
addEventListener("unhandledrejection", (event) => {
  const { reason } = event as unknown as { readonly reason: unknown }
  console.error(UNHANDLED, reason instanceof Error ? reason.stack : reason)
})

export default {
  async fetch(request: Request, env: Env, context: Context): Promise<Response> {
    if (request.url.endsWith("/ping")) return new Response()
    const settings = JSON.parse(env.SETTINGS) as ClientSettings
    const number = Number(new URL(request.url).searchParams.get("visit"))
    // When the witness received the last note, by its clock: a hold that is valid after the reply was valid then.
    let receivedAt = 0
    let latest = Promise.resolve()
    // One after the other, so that they arrive in order.
    const write = (note: Note) => (latest = latest.then(() => send(note)))
    const send = async (note: Note) => {
      const response = await fetch(`${settings.witness}/notes/${settings.client}`, {
        method: "POST",
        body: JSON.stringify(note),
      })
      receivedAt = Number(await response.text())
    }
    const diary = new NoteDiary(write, () => receivedAt)
    // Enough for the waits and holds of a group.
    let visits = 1_001 * number
    const works = new Set<Promise<unknown>>()
    const waitUntil = (work: Promise<unknown>) => {
      context.waitUntil(work)
      works.add(work)
      void work.finally(() => works.delete(work))
    }
    const end = new AbortController().signal
    const nextVisit = () => visits++
    try {
      const scene = setScene(settings, { diary, visitor: number, nextVisit, end, waitUntil })
      const { seed, client } = settings
      await visit(scene, pickErrand(Random.of(seed, client, number), settings))
      const countAtLast = async () => {
        while (works.size > 0) await Promise.all(works)
        await diary.counted(scene.count)
      }
      context.waitUntil(countAtLast())
    } catch (error) {
      await diary.broken(error)
    }
    return new Response()
  },
}

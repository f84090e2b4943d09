// A visit to several locks at once: all of them or none.
import { type LockGroup, LockLostError } from "../../../src/index.js"
import { EventNotes } from "./event-notes.js"
import { optionsOf, type Visit } from "./visit.js"
import { work } from "./work.js"

export async function gather(visit: Visit, signal: AbortSignal): Promise<void> {
  const { errand, diary, number, count, open } = visit
  const names = [errand.place, ...errand.others].map(({ name }) => name)
  const notes = new EventNotes(visit, number)
  await diary.gathers(number, names, errand.waitMs, errand.ttlMs)
  let group: LockGroup
  try {
    group = await open(notes.onEvent).acquireAll(names, optionsOf(errand, signal))
  } catch (error) {
    if (!(error instanceof LockLostError)) throw error
    await diary.gaveUp(number, "lost")
    return
  } finally {
    // The number of its calls is its own affair; each has an end.
    count.begun = count.ended
  }
  // One of them may have been lost in this very moment, which its signal says.
  await (group.signal.aborted ? diary.gaveUp(number, "lost") : diary.gathered(number))
  await work(visit, notes.held(group.locks))
  if (errand.ending === "crash") {
    for (const { lock } of notes.held(group.locks)) count.drop(lock.name)
    return
  }
  for (const { number } of notes.held(group.locks)) await diary.ended(number)
  await group[Symbol.asyncDispose]()
}

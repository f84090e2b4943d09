// The notes that the torture makes of a call from its events alone: a wrong one accuses the innocent.
import { expect, test } from "vitest"
import type { LockEvent } from "../../src/index.js"
import { NoteDiary } from "../../verification/torture/client/diary.js"
import { pickErrand } from "../../verification/torture/client/errand.js"
import { EventNotes } from "../../verification/torture/client/event-notes.js"
import type { Note } from "../../verification/torture/client/notes.js"
import { Random } from "../../verification/torture/random.js"

const EFFORTS = { name: "part-0", waitedMs: 1, requests: 1, wasQueued: false }
const QUEUED: LockEvent = { type: "queued", name: "part-0", place: 0 }
const GRANTED: LockEvent = { type: "granted", ...EFFORTS, fencingToken: 1 }
const RELEASED: LockEvent = { type: "released", name: "part-0", result: "released", heldMs: 5 }
const LOST: LockEvent = { type: "lost", name: "part-0", reason: "expired", heldMs: 5 }

/** The notes of these events: the kind of each, and the number of its visit. */
function noted(group: number | undefined, ...events: readonly LockEvent[]): readonly string[] {
  const found: string[] = []
  const write = (note: Note) => {
    if ("visit" in note) found.push(`${note.kind} ${note.visit}`)
    return Promise.resolve()
  }
  let visits = 0
  const diary = new NoteDiary(write, () => 0)
  const errand = pickErrand(new Random(1), { ledgers: 1, quietLedgers: 0 })
  const notes = new EventNotes({ diary, errand, nextVisit: () => visits++ }, group)
  for (const event of events) notes.onEvent(event)
  return found
}

test("A hold that is given back late is not taken for the wait that follows it", () => {
  expect(noted(9, GRANTED, QUEUED, RELEASED, GRANTED)).toEqual([
    "waits 0",
    "granted 0",
    "waits 1",
    "ended 0",
    "released 0",
    "granted 1",
  ])
})

test("A hold that is given back late is not taken for the hold that follows it, which may be lost", () => {
  const notes = noted(9, GRANTED, QUEUED, GRANTED, LOST, RELEASED)
  expect(notes.slice(2)).toEqual(["waits 1", "granted 1", "ended 1", "ended 0", "released 0"])
})

test("A call that is told at once that the lock is held is not noted, and one that fails is", () => {
  expect(noted(9, { type: "not-granted", ...EFFORTS, reason: "busy" })).toEqual([])
  const failed = noted(9, { type: "not-granted", ...EFFORTS, reason: "error" })
  expect(failed).toEqual(["waits 0", "gave-up 0"])
})

test("The release of a leader's lock does not end its belief, and its loss does", () => {
  expect(noted(undefined, GRANTED, RELEASED).slice(2)).toEqual(["released 0"])
  expect(noted(undefined, GRANTED, LOST).slice(2)).toEqual(["ended 0"])
})

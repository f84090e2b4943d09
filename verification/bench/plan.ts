// The scenarios of a run.
import { commandHandOff, commandStart } from "./scenarios/command-line.js"
import { contended } from "./scenarios/contended.js"
import { guarded } from "./scenarios/guarded.js"
import { inWorkerd } from "./scenarios/in-workerd.js"
import { longWait } from "./scenarios/long-wait.js"
import { manyNames } from "./scenarios/many-names.js"
import { resigned, stolen } from "./scenarios/notices.js"
import { onQuorum } from "./scenarios/quorum.js"
import { refused } from "./scenarios/refused.js"
import { renewals } from "./scenarios/renewals.js"
import { onceAlone, onceRemembered, onceTogether } from "./scenarios/run-once.js"
import type { Scenario } from "./scenarios/scenario.js"
import { uncontended } from "./scenarios/uncontended.js"

/** `quick`: three minutes. `full`: every number of contenders with every hold. */
export type Extent = "quick" | "usual" | "full"

export function planOf(extent: Extent): readonly Scenario[] {
  const of = (contenders: number, holdMs: number, cycles: number) =>
    contended({ contenders, holdMs, cycles })
  if (extent === "quick") {
    return [
      uncontended(50),
      of(10, 50, 1),
      of(50, 50, 1),
      manyNames(200),
      refused(50),
      onceAlone(50),
      onceRemembered(50),
      onceTogether({ callers: 50, jobMs: 500, rounds: 5 }),
      commandStart(20),
      commandHandOff(5),
      stolen(10),
      resigned(10),
    ]
  }
  const holds = extent === "full" ? [0, 10, 50] : [50]
  const crowds = [2, 10, 50, 200]
  const once = holds.flatMap((holdMs) => crowds.map((crowd) => of(crowd, holdMs, 1)))
  const often = holds.flatMap((holdMs) => crowds.map((crowd) => of(crowd, holdMs, 10)))
  return [
    uncontended(100),
    inWorkerd(20),
    ...once,
    ...(extent === "full" ? often : [of(2, 50, 10), of(10, 50, 10), of(50, 50, 10), of(10, 0, 10)]),
    contended({ contenders: 100, holdMs: 50, cycles: 1, permits: 10 }),
    contended({ contenders: 100, holdMs: 500, cycles: 1, permits: 10 }),
    manyNames(1_000),
    refused(60),
    renewals(1_000),
    longWait(60, 100),
    guarded(100),
    onceAlone(100),
    onceRemembered(100),
    onceTogether({ callers: 50, jobMs: 500, rounds: 10 }),
    onceTogether({ callers: 5, jobMs: 500, rounds: 10 }),
    commandStart(50),
    commandHandOff(20),
    stolen(30),
    resigned(50),
    onQuorum(100),
  ]
}

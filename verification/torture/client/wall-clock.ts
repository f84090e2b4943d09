// Bends the wall clock of a client, as those of machines are: wrong, jumping, or standing still. The monotonic clock runs on.
import type { Random } from "../random.js"

type WallClock = "right" | "wrong" | "jumping" | "frozen"

const KINDS: readonly WallClock[] = ["frozen", "wrong", "jumping", "right", "right"]

const DAY_MS = 86_400_000
/** Jumps from one to this many milliseconds, of each order of magnitude as many as of another. */
const LONGEST_JUMP_MS = 3_600_000

/** So that each kind is there in each run, among the first clients. */
export function wallClockOf(client: number): WallClock {
  return KINDS[client % KINDS.length] ?? "right"
}

export function bendWallClock(kind: WallClock, random: Random): void {
  const read = Date.now
  const frozenAt = read()
  let offsetMs = kind === "wrong" ? Math.round(random.between(-DAY_MS, DAY_MS)) : 0
  let jumpsAt = kind === "jumping" ? 0 : Infinity
  Date.now = () => {
    if (performance.now() >= jumpsAt) {
      jumpsAt = performance.now() + random.between(500, 5_000)
      const byMs = Math.round(LONGEST_JUMP_MS ** random.next())
      offsetMs += random.chance(0.5) ? byMs : -byMs
    }
    return (kind === "frozen" ? frozenAt : read()) + offsetMs
  }
}

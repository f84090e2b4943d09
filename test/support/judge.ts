// Judges a database's record of a lock: no command may ever have violated a rule, even after lost, late or duplicated requests.
import type { Deed, Standing } from "./record.js"

/** The violations, one line for each; empty if there are none. */
export function judge(record: readonly Deed[]): string[] {
  const wrongs: string[] = []
  let lastFence = 0
  for (const [i, deed] of record.entries()) {
    const { before, after, step } = deed
    const had = holdersOf(before)
    const have = holdersOf(after)
    const came = have.filter((token) => !had.includes(token))
    const gone = had.filter((token) => !have.includes(token))
    const say = (what: string) => wrongs.push(`${String(i)}. ${step}: ${what}`)

    if (after.ends.includes(-1) && !before.ends.includes(-1)) say("made a key without a ttl")
    for (const token of gone) if (!mayEnd(token, deed)) say(`ended the hold of ${token}`)
    if (isShortened(before, after)) say("shortened a hold")
    if (isCrowded(after) && came.length > 0) say("let in more than may share it")
    const entered = after.queue.filter((token) => !before.queue.includes(token))
    if (entered.length > 0 && step !== "acquire: enqueue" && step !== "claim")
      say("inserted into the queue")
    if (came.length > 0 && after.queue.length > 0 && !isMarked(after) && step !== "claim") {
      say("granted a lock that others wait for without a mark")
    }
    for (const token of came) {
      for (const other of overtaken(token, deed)) say(`granted it to ${token} before ${other}`)
    }
    if (after.fence !== before.fence) {
      if (after.fence <= lastFence) say("minted a fencing token that does not rise")
      lastFence = after.fence
    }
  }
  return wrongs
}

/** Whether the command may end that token's hold: its own release or leave, or a steal. */
function mayEnd(token: string, { step, args, after }: Deed): boolean {
  const [caller = ""] = args
  if (step.startsWith("release")) return caller === token
  return step === "steal: replace" && isHeldBy(after, caller)
}

/** The waiters that had waited longer than the one that was let in, and still wait. */
function overtaken(token: string, { step, args, before, after }: Deed): readonly string[] {
  // Neither a plain SET nor a steal knows of the queue.
  if ((step === "claim" || step.startsWith("steal")) && args[0]?.split(" ")[0] === token) return []
  const place = before.queue.indexOf(token)
  const ahead = place < 0 ? before.queue : before.queue.slice(0, place)
  return ahead.filter((other) => after.queue.includes(other))
}

function isShortened(before: Standing, after: Standing): boolean {
  const isSame = before.value !== undefined && baseOf(before.value) === baseOf(after.value ?? "")
  // The key of a shared lock ends with its last sharer.
  if (!isSame || isShared(before)) return false
  const [had = 0] = before.ends
  const [has = 0] = after.ends
  return has < had
}

function holdersOf(standing: Standing): readonly string[] {
  if (standing.value === undefined) return []
  return isShared(standing) ? standing.sharers : [baseOf(standing.value)]
}

function isHeldBy(standing: Standing, token: string): boolean {
  return holdersOf(standing).includes(token)
}

function isShared({ value }: Standing): boolean {
  return value?.startsWith("fl_#") ?? false
}

/** Whether more share it than may: the limit stands in its value, 0 for any number. */
function isCrowded({ value = "", sharers }: Standing): boolean {
  const limit = Number(/^fl_#(\d+)#/.exec(value)?.[1] ?? 0)
  return limit > 0 && sharers.length > limit
}

function isMarked({ value }: Standing): boolean {
  return value?.endsWith("+") ?? false
}

function baseOf(value: string): string {
  return value.replace(/\+$/, "")
}

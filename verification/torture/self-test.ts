// Tests the torture test: breaks the lock on purpose, and checks that each defect is found.
import { BREAKS } from "./breaks.js"
import { tortureShown } from "./progress.js"
import type { TortureSettings } from "./settings.js"

/** Each break has to be found within this time. */
const WITHIN_SECONDS = 60

/** A break, the judge that found it, and when. */
interface Finding {
  readonly name: string
  readonly what: string
  readonly judge: string | undefined
  readonly seconds: number
}

export async function selfTest(
  settings: TortureSettings,
  signal: AbortSignal,
): Promise<{ isFine: boolean; data: readonly Finding[] }> {
  const data: Finding[] = []
  for (const { name, what, breakages, judges } of BREAKS) {
    if (signal.aborted) break
    const broken = { ...settings, seconds: WITHIN_SECONDS, breakages, stopAt: judges }
    const { violations, seconds } = await tortureShown(broken, signal)
    const found = violations.find(({ judge }) => judges.includes(judge))
    data.push({ name, what, judge: found?.judge, seconds })
    const ending = found
      ? `found after ${seconds.toFixed(1)} s (${found.judge}: ${found.what})`
      : "NOT FOUND"
    console.log(`${name.padEnd(12)} ${what}\n${" ".repeat(13)}${ending}`)
  }
  const found = data.filter(({ judge }) => judge !== undefined).length
  console.log(`${found} of ${BREAKS.length} were found`)
  return { isFine: found === BREAKS.length, data }
}

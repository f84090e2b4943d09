// Shows the progress of a run: on a terminal one line that is overwritten, otherwise a line now and then.
import type { Report } from "./report.js"
import type { TortureSettings } from "./settings.js"
import { torture } from "./torture.js"

const ON_TERMINAL_MS = 500
const ELSEWHERE_MS = 5_000

/** Performs a run, and shows its progress on the standard error. */
export async function tortureShown(
  settings: TortureSettings,
  signal: AbortSignal,
): Promise<Report> {
  const progress = new Progress(process.stderr)
  const onProgress = (report: Report) => {
    progress.show(report)
  }
  const report = await torture(settings, { signal, onProgress })
  progress.clear()
  return report
}

class Progress {
  readonly #stream: NodeJS.WriteStream
  #shownAt = -Infinity

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream
  }

  show({ seconds, grants, requests, faulted, crashes, violations }: Report): void {
    const { isTTY } = this.#stream
    const now = performance.now()
    if (now - this.#shownAt < (isTTY ? ON_TERMINAL_MS : ELSEWHERE_MS)) return
    this.#shownAt = now
    const { kills, pauses, restarts } = crashes
    const line =
      `${seconds.toFixed(0)} s: ${grants} grants, ${faulted} of ${requests} requests faulted, ` +
      `${kills} kills, ${pauses} pauses, ${restarts} restarts, ${violations.length} violations`
    this.#stream.write(isTTY ? `\r\x1b[K${line}` : `${line}\n`)
  }

  /** Clears the line for the result. */
  clear(): void {
    if (this.#stream.isTTY) this.#stream.write("\r\x1b[K")
  }
}

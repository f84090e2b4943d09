// Receives the signals that this program passes on, and ends it by one of them.
import { constants } from "node:os"

const CAUGHT = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const

/** Signals that end a process without a core dump: its parent should see that it ended by one of them. */
const FATAL: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"]

/** Calls the listener instead of ending the process; returns the function that stops it. */
export function catchSignals(onSignal: (signal: NodeJS.Signals) => void): () => void {
  for (const signal of CAUGHT) process.on(signal, onSignal)
  return () => {
    for (const signal of CAUGHT) process.off(signal, onSignal)
  }
}

/**
 * Ends this process by the signal, so that a shell script that started it ends on Ctrl-C, too. Returns the exit code to use
 * where the signal has no effect (as the first process of a container).
 */
export async function endBy(signal: NodeJS.Signals): Promise<number> {
  if (FATAL.includes(signal)) {
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return 128 + constants.signals[signal]
}

/** Whether the signal came from the keyboard: the terminal has then sent it to the user's command as well. */
export function isFromTerminal(signal: NodeJS.Signals): boolean {
  const isKey = signal === "SIGINT" || signal === "SIGQUIT"
  return isKey && (process.stdin.isTTY || process.stderr.isTTY || process.stdout.isTTY)
}

// Receives the signals that this program passes on, and ends it by one of them.
import { readFileSync } from "node:fs"
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

/**
 * Whether the signal most likely came from the keyboard: the terminal has then sent it to the user's command as well. Of a
 * process in the foreground of a terminal, there is no way to tell the two apart.
 */
export function isFromTerminal(signal: NodeJS.Signals): boolean {
  return (signal === "SIGINT" || signal === "SIGQUIT") && isInForeground()
}

function isInForeground(): boolean {
  try {
    // After the name in parentheses: state, parent, group, session, terminal, foreground group of the terminal.
    const [, facts = ""] = /^.*\) (.*)/s.exec(readFileSync("/proc/self/stat", "utf8")) ?? []
    const [, , group, , , foreground] = facts.split(" ")
    return group === foreground
  } catch {
    // No Linux.
    return process.stdin.isTTY || process.stderr.isTTY
  }
}

// Runs one of the demo's programs as a terminal would, in a process group of its own.
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"

/** As in the scripts of package.json: the local server needs no build. */
const FROM_SOURCE = ["--conditions=@fetchlock/source", "--import", "tsx"]

/** A running program. */
export class Program {
  /** Its output so far. */
  output = ""
  /** How it ended. */
  readonly exit: Promise<number | null>
  readonly #group: number

  constructor(...args: string[]) {
    const child = spawn(process.execPath, [...FROM_SOURCE, ...args], {
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    })
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => (this.output += text))
    }
    this.exit = once(child, "close").then(([code]) => code as number | null)
    this.#group = child.pid ?? Number.NaN
  }

  /** Sends the signal to all of its processes, as Ctrl-C does. */
  signal(signal: NodeJS.Signals): void {
    process.kill(-this.#group, signal)
  }

  /** The commands of its remaining processes, including itself; zombies are not counted. */
  get processes(): string[] {
    const table = execFileSync("ps", ["-A", "-o", "pgid=,stat=,args="], { encoding: "utf8" })
    return table.split("\n").flatMap((line) => {
      const [, group, state = "", command = ""] = /^ *(\d+) +(\S+) +(.*)$/.exec(line) ?? []
      return Number(group) === this.#group && !state.startsWith("Z") ? [command] : []
    })
  }
}

// The commands: what each accepts, its help, and where it is.
import type { Arguments, CommandSpec } from "./command-line.js"

/** A command that this program parses itself. */
export interface Command extends CommandSpec {
  readonly summary: string
  readonly usage: string
  readonly description: string
  readonly examples: readonly string[]
  /** Whether it uses the database, and so the variables that name it. */
  readonly usesDatabase: boolean
  /** Its own exit codes, in addition to those that all have. */
  readonly exitCodes: readonly (readonly [code: string, meaning: string])[]
  readonly load: () => Promise<{ readonly execute: (args: Arguments) => Promise<number> }>
}

const DATABASE_OPTIONS = [
  {
    name: "env-file",
    value: "FILE",
    help: "read the database's URL and token from this file instead of the environment",
  },
  {
    name: "prefix",
    value: "TEXT",
    help: 'what the keys of all locks begin with (default: "lock:")',
  },
] as const

const JSON_OPTION = { name: "json", help: "print one line of JSON" } as const

const CONFLICT_OPTION = {
  name: "conflict-exit-code",
  value: "N",
  help: "the exit code if the lock is still held after the wait (default: 75)",
} as const

export const COMMANDS: readonly Command[] = [
  {
    name: "run",
    summary: "run a command while holding a lock",
    usage: "NAME [options] -- COMMAND [ARGUMENT…]",
    description: `Waits for the lock NAME, runs COMMAND while it holds the lock, and releases it afterwards. The hold is renewed
meanwhile. Nothing of this program's own goes to stdout; stdin, stdout and stderr are COMMAND's.

Signals are passed on to COMMAND. A signal during the wait ends the wait and leaves the queue. If the hold is
lost, COMMAND gets SIGTERM and then SIGKILL. If this program is killed with SIGKILL, the lock is free after its
ttl, and COMMAND goes on without it.

COMMAND finds the lock's name in FETCHLOCK_NAME and, unless the lock is shared, the fencing token in
FETCHLOCK_FENCING_TOKEN.`,
    positionals: ["NAME"],
    takesCommand: true,
    options: [
      {
        name: "wait",
        value: "DURATION",
        help: "the longest time to wait (default: without limit)",
      },
      { name: "try", help: "do not wait" },
      {
        name: "ttl",
        value: "DURATION",
        help: "how long the hold outlives this process (default: 30s)",
      },
      { name: "shared", help: "share the lock with others that pass --shared" },
      { name: "permits", value: "N", help: "let N holders have the lock at once" },
      {
        name: "reason",
        value: "TEXT",
        help: "why, shown by ls, inspect and ui; stored beside the lock",
      },
      {
        name: "keep",
        value: "DURATION",
        help: "if COMMAND succeeds, hold the lock that long from its end",
      },
      { name: "watch", help: "notice at once if the lock is taken by force; costs two requests" },
      {
        name: "kill-after",
        value: "DURATION",
        help: "from SIGTERM to SIGKILL when the hold is lost (default: 10s)",
      },
      CONFLICT_OPTION,
      ...DATABASE_OPTIONS,
    ],
    usesDatabase: true,
    exitCodes: [
      ["COMMAND's", "it ran; 128 + N if signal N ended it"],
      ["75", "the lock was held by others for all of the wait; see --conflict-exit-code"],
      ["79", "the hold was lost while COMMAND ran"],
      ["126", "COMMAND is not executable"],
      ["127", "there is no such COMMAND"],
    ],
    examples: [
      "fetchlock run deploy -- ./deploy.sh",
      'fetchlock run migrate --wait 10m --reason "release 42" -- npm run migrate',
      "fetchlock run nightly --try --keep 1h --conflict-exit-code 0 -- ./report.sh",
    ],
    load: () => import("./run.js"),
  },
  {
    name: "ls",
    summary: "list the locks that are held",
    usage: "[options]",
    description:
      "Lists each lock that is held: its holders, the time they have left, and how many callers wait.\nIt scans every key of the database, 1,000 with each request.",
    positionals: [],
    options: [
      JSON_OPTION,
      { name: "limit", value: "N", help: "the most locks to list (default: 1000)" },
      ...DATABASE_OPTIONS,
    ],
    usesDatabase: true,
    exitCodes: [],
    examples: ["fetchlock ls", "fetchlock ls --json | jq -r '.locks[].name'"],
    load: () => import("./ls.js"),
  },
  {
    name: "inspect",
    summary: "show one lock: holders, waiters, reasons",
    usage: "NAME [options]",
    description:
      "Shows the holders of the lock NAME, its waiters, and their reasons. It changes nothing.",
    positionals: ["NAME"],
    options: [JSON_OPTION, ...DATABASE_OPTIONS],
    usesDatabase: true,
    exitCodes: [],
    examples: ["fetchlock inspect deploy", "fetchlock inspect deploy --json"],
    load: () => import("./inspect.js"),
  },
  {
    name: "wait",
    summary: "wait until a lock is free, without taking it",
    usage: "NAME [options]",
    description:
      "Returns when nobody holds the lock NAME and nobody waits for it. It takes no turn: to run something in turn,\nuse run. It asks the database every quarter of a second at first, and every two seconds in the end.",
    positionals: ["NAME"],
    options: [
      {
        name: "wait",
        value: "DURATION",
        help: "the longest time to wait (default: without limit)",
      },
      CONFLICT_OPTION,
      JSON_OPTION,
      ...DATABASE_OPTIONS,
    ],
    usesDatabase: true,
    exitCodes: [["75", "the lock is still held; see --conflict-exit-code"]],
    examples: ["fetchlock wait deploy --wait 10m && ./smoke-test.sh"],
    load: () => import("./wait.js"),
  },
  {
    name: "release",
    summary: "end another process's hold by force",
    usage: "NAME --force [options]",
    description: `Ends any hold of the lock NAME, and lets the waiters continue. The previous holder notices at its
next renewal, or at once if it watches. Until then it believes that it holds the lock. It prints whose hold
it has ended.`,
    positionals: ["NAME"],
    options: [
      { name: "force", help: "required: the holder may still be at work" },
      JSON_OPTION,
      ...DATABASE_OPTIONS,
    ],
    usesDatabase: true,
    exitCodes: [["75", "the lock changed hands all the time; nothing was ended"]],
    examples: ["fetchlock release deploy --force"],
    load: () => import("./release.js"),
  },
  {
    name: "doctor",
    summary: "examine a database: which promises hold there",
    usage: "[options]",
    description: `Asks the database everything that locks depend on (scripts, streams, clock, eviction), uses real locks with names of
their own, and prints a table: what was found, and what follows. It takes about 12 seconds and some 250 commands, and
leaves no key.`,
    positionals: [],
    options: [
      {
        name: "idle",
        value: "DURATION",
        help: "how long a silent stream is tried; 0: not at all (default: 12s)",
      },
      JSON_OPTION,
      ...DATABASE_OPTIONS.filter(({ name }) => name !== "prefix"),
    ],
    usesDatabase: true,
    exitCodes: [
      ["0", "no problem was found"],
      ["1", "a promise cannot be kept on this database"],
    ],
    examples: [
      "fetchlock doctor",
      "fetchlock doctor --idle 5m",
      "fetchlock doctor --json | jq .findings",
    ],
    load: () => import("./doctor/doctor.js"),
  },
  {
    name: "ui",
    summary: "show holders and waiters, on a local page",
    usage: "[options]",
    description: `Serves a page on 127.0.0.1 that shows each lock with its holders, its queue and a timeline of the last minutes, and
ends a hold after a second look. It prints the page's address, which contains a random token. The page reads the
database only while it is visible, and shows what that costs.`,
    positionals: [],
    options: [
      { name: "port", value: "N", help: "the port to listen on (default: any that is free)" },
      {
        name: "commands-per-second",
        value: "N",
        help: "the most billed commands a second, on average (default: 20)",
      },
      ...DATABASE_OPTIONS,
    ],
    usesDatabase: true,
    exitCodes: [],
    examples: ["fetchlock ui", "fetchlock ui --port 8080 --commands-per-second 5"],
    load: () => import("./ui/ui.js"),
  },
]

/** The names of all commands, with the one that parses its own arguments. */
export const COMMAND_NAMES = [...COMMANDS.map(({ name }) => name), "dev"]

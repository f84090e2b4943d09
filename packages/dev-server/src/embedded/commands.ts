// Every command of the embedded engine except for scripts, by its name in lower case.
import type { Definitions } from "./definition.js"
import { expiryCommands } from "./expiry-commands.js"
import { hashCommands } from "./hash-commands.js"
import { keyCommands } from "./key-commands.js"
import { listCommands } from "./list-commands.js"
import { serverCommands } from "./server-commands.js"
import { setCommands } from "./set-command.js"
import { setTypeCommands } from "./set-type-commands.js"
import { sortedSetCommands } from "./sorted-set-commands.js"
import { sortedSetRanges } from "./sorted-set-ranges.js"
import { stringCommands } from "./string-commands.js"

export const COMMANDS: ReadonlyMap<string, Definitions[string]> = new Map(
  Object.entries({
    ...stringCommands,
    ...setCommands,
    ...keyCommands,
    ...expiryCommands,
    ...hashCommands,
    ...listCommands,
    ...setTypeCommands,
    ...sortedSetCommands,
    ...sortedSetRanges,
    ...serverCommands,
  }),
)

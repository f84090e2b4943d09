// The settings that a client gets at its start.
import type { Ledgers } from "../places.js"

export interface ClientSettings extends Ledgers {
  /** Its number, unique in a run. */
  readonly client: number
  readonly seed: number
  /** The REST server, behind this client's proxy with faults. */
  readonly url: string
  readonly token: string
  /** The witness, without faults. */
  readonly witness: string
  readonly timeoutMs: number
}

/** The settings of a client that is a process. */
export interface ProcessSettings extends ClientSettings {
  /** The file for its notes. */
  readonly diary: string
  /** The number of its concurrent visits. */
  readonly visitors: number
}

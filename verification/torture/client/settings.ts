// What a client is told when it starts.

export interface ClientSettings {
  /** Its number: no two clients of a run have the same. */
  readonly client: number
  readonly seed: number
  /** The REST server as this client reaches it: through faults. */
  readonly url: string
  readonly token: string
  /** The witness, which is reached without faults. */
  readonly witness: string
  readonly ledgers: number
  readonly timeoutMs: number
}

/** Of a client that is a process. */
export interface ProcessSettings extends ClientSettings {
  /** The file for its notes. */
  readonly diary: string
  /** How many visits it makes at a time. */
  readonly visitors: number
}

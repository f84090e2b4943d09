// What a probe has found out about a database, and what follows.

/**
 * - `ok`: as it should be
 * - `note`: the locks keep their promises, but something costs more or needs an option
 * - `unknown`: the database does not tell, or gave no usable reply
 * - `problem`: a promise cannot be kept on this database
 */
export type Verdict = "ok" | "note" | "unknown" | "problem"

export interface Finding {
  readonly probe: string
  readonly verdict: Verdict
  readonly found: string
  readonly follows: string
  /** Options of a `LockManager` that suit the finding. */
  readonly options?: Readonly<Record<string, boolean>>
}

/** The findings of a part of the examination. */
export interface Examination {
  readonly probe: string
  readonly examine: () => Promise<Omit<Finding, "probe">>
}

/** Runs the probe; a failure of the probe itself is a finding as well. */
export async function examine({ probe, examine: run }: Examination): Promise<Finding> {
  try {
    return { probe, ...(await run()) }
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error)
    return { probe, verdict: "unknown", found, follows: "no usable reply; try again" }
  }
}

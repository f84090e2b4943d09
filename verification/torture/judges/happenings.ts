// The recent events of each lock, to explain a violation.

interface Happening {
  readonly at: number
  readonly what: string
}

/** The number of events that are kept for each lock. */
const REMEMBERED = 200

export class Happenings {
  readonly #ofNames = new Map<string, Happening[]>()

  add(name: string, at: number, what: string): void {
    const known = this.#ofNames.get(name) ?? []
    known.push({ at, what })
    if (known.length > REMEMBERED) known.shift()
    this.#ofNames.set(name, known)
  }

  /** In order, with milliseconds since `from`. */
  of(name: string, from: number): readonly string[] {
    const known = [...(this.#ofNames.get(name) ?? [])].sort((a, b) => a.at - b.at)
    return known.map(({ at, what }) => `${(at - from).toFixed(0)} ms: ${what}`)
  }
}

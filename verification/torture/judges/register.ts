// The judge of fencing: a register that takes no write with a smaller fencing token than it has seen.

export class Register {
  readonly #greatest = new Map<string, number>()
  #accepted = 0
  #refused = 0

  get accepted(): number {
    return this.#accepted
  }

  /** Those of honest losers as well, who did not believe in their hold any more when they were told. */
  get refused(): number {
    return this.#refused
  }

  /** Writes, in one step with the comparison; false if it is refused. */
  write(name: string, fence: number): boolean {
    if (fence < (this.#greatest.get(name) ?? 0)) {
      this.#refused++
      return false
    }
    this.#greatest.set(name, fence)
    this.#accepted++
    return true
  }
}

// The judge of fencing: a register that refuses a write with a smaller fencing token than it has seen.

export class Register {
  readonly #greatest = new Map<string, number>()
  #accepted = 0
  #refused = 0

  get accepted(): number {
    return this.#accepted
  }

  /** Including writes of clients that no longer believed in their hold when they got the reply. */
  get refused(): number {
    return this.#refused
  }

  /** Compares and writes in one step; false if the write is refused. */
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

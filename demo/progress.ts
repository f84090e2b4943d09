// Shows the progress of a batch of requests: a growing bar on a terminal, otherwise a line now and then.

/** Counts up to `total` on a stream. */
export class Progress {
  readonly #stream: NodeJS.WriteStream
  readonly #total: number
  #done = 0

  constructor(stream: NodeJS.WriteStream, total: number) {
    this.#stream = stream
    this.#total = total
    this.#draw()
  }

  advance(): void {
    this.#done++
    this.#draw()
  }

  /** Removes the bar from a terminal, so that the result can follow. */
  clear(): void {
    if (this.#stream.isTTY) this.#stream.write("\r\x1b[K")
  }

  #draw(): void {
    const count = `${this.#done} of ${this.#total} served`
    if (this.#stream.isTTY) {
      const bar = "█".repeat(this.#done) + "·".repeat(this.#total - this.#done)
      this.#stream.write(`\r${bar} ${count}`)
    } else if (this.#done > 0 && this.#done % 5 === 0) {
      this.#stream.write(`${count}\n`)
    }
  }
}

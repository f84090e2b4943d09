// Shows how far a batch of requests is: a bar that grows on a terminal, a line now and then elsewhere.

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

  /** Makes room for the result: on a terminal the bar goes away. */
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

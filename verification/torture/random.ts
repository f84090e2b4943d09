// Random numbers from a seed, so that a run's decisions can be repeated. (Its timing cannot.)

export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** The stream for some numbers, independent of previous draws. */
  static of(seed: number, ...numbers: readonly number[]): Random {
    return numbers.reduce((random, n) => new Random(random.next() * 2 ** 32 + n), new Random(seed))
  }

  /** From 0 up to 1, by mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** From `least` up to `most`. */
  between(least: number, most: number): number {
    return least + this.next() * (most - least)
  }

  chance(part: number): boolean {
    return this.next() < part
  }

  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.next() * items.length)]
    if (item === undefined) throw new RangeError("there is nothing to pick from")
    return item
  }

  /** One of the items, with a probability proportional to its weight. */
  weighted<T>(items: readonly (readonly [item: T, weight: number])[]): T {
    let left = this.next() * items.reduce((sum, [, weight]) => sum + weight, 0)
    const found = items.find(([, weight]) => (left -= weight) < 0) ?? items.at(-1)
    if (found === undefined) throw new RangeError("there is nothing to pick from")
    return found[0]
  }

  /** Another stream of numbers, independent of further draws from this one. */
  fork(): Random {
    return new Random(this.next() * 2 ** 32)
  }
}

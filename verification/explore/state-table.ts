// The states that were found: a digest of each, and how it was first reached.

/** Numbers the states in the order in which they are found; the first is 0. */
export class StateTable {
  #size = 0
  /** Open addressing: the number of a state plus 1; 0 is free. */
  #slots = new Uint32Array(1 << 16)
  #high = new Uint32Array(1 << 15)
  #low = new Uint32Array(1 << 15)
  #parents = new Uint32Array(1 << 15)
  #happenings = new Uint16Array(1 << 15)

  get size(): number {
    return this.#size
  }

  /**
   * The number of a state: negative, minus 1, if it is new.
   *
   * A digest has 64 bits, so among ten million states the chance that two of them share one is 1 in 300,000.
   */
  add(text: string, parent: number, happening: number): number {
    const [high, low] = digest(text)
    const mask = this.#slots.length - 1
    let slot = low & mask
    for (;;) {
      const found = this.#slots[slot] ?? 0
      if (found === 0) break
      if (this.#high[found - 1] === high && this.#low[found - 1] === low) return found - 1
      slot = (slot + 1) & mask
    }
    const id = this.#size++
    if (id === this.#high.length) this.#grow()
    this.#high[id] = high
    this.#low[id] = low
    this.#parents[id] = parent
    this.#happenings[id] = happening
    this.#slots[slot] = id + 1
    if (this.#size * 2 > this.#slots.length) this.#rehash()
    return -id - 1
  }

  /** Which of the happenings led to each state on the way to this one. */
  pathTo(id: number): number[] {
    const path: number[] = []
    for (let at = id; at !== 0; at = this.#parents[at] ?? 0) path.unshift(this.#happenings[at] ?? 0)
    return path
  }

  #grow(): void {
    this.#high = doubled(this.#high)
    this.#low = doubled(this.#low)
    this.#parents = doubled(this.#parents)
    const happenings = new Uint16Array(this.#happenings.length * 2)
    happenings.set(this.#happenings)
    this.#happenings = happenings
  }

  #rehash(): void {
    const slots = new Uint32Array(this.#slots.length * 2)
    const mask = slots.length - 1
    for (let id = 0; id < this.#size; id++) {
      let slot = (this.#low[id] ?? 0) & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = id + 1
    }
    this.#slots = slots
  }
}

/** A list of numbers that grows. */
export class Numbers {
  #items = new Uint32Array(1 << 16)
  length = 0

  push(item: number): void {
    if (this.length === this.#items.length) this.#items = doubled(this.#items)
    this.#items[this.length++] = item
  }

  at(index: number): number {
    return this.#items[index] ?? 0
  }

  set(index: number, item: number): void {
    while (index >= this.#items.length) this.#items = doubled(this.#items)
    this.length = Math.max(this.length, index + 1)
    this.#items[index] = item
  }
}

function doubled(items: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(items.length * 2)
  larger.set(items)
  return larger
}

/** Two independent 32-bit hashes (MurmurHash3's mixing). */
function digest(text: string): [high: number, low: number] {
  let a = 0x9747b28c
  let b = 0x3c6ef372
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    a = Math.imul(a ^ code, 0xcc9e2d51)
    a = (a << 15) | (a >>> 17)
    b = Math.imul(b ^ code, 0x1b873593)
    b = (b << 13) | (b >>> 19)
  }
  return [mixed(a ^ text.length), mixed(b + text.length)]
}

function mixed(hash: number): number {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

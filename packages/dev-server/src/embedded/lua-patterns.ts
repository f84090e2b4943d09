// Lua 5.1's patterns, as its lstrlib.c matches them, with a time limit: some take exponential time.

const UNFINISHED = -1
const POSITION = -2
const MAX_CAPTURES = 32
const MAX_DEPTH = 1000

/** A capture: text, or the position of a `()`, counted from 1. */
export type Capture = string | number

export interface Match {
  /** Counted from 0. */
  readonly start: number
  /** After the last char. */
  readonly end: number
  readonly captures: readonly Capture[]
}

/** Called with the number of steps so far, for each step; throws to end the search. */
export type CheckTime = (steps: number) => void

/** The pattern is invalid. */
export class PatternError extends Error {
  override readonly name = "PatternError"
}

export class LuaPattern {
  readonly #pattern: string
  readonly #isAnchored: boolean
  readonly #checkTime: CheckTime
  #steps = 0

  constructor(pattern: string, checkTime: CheckTime, mayAnchor = true) {
    // In Lua 5.1 a zero byte ends a pattern.
    const text = pattern.split("\0", 1)[0] ?? ""
    this.#isAnchored = mayAnchor && text.startsWith("^")
    this.#pattern = this.#isAnchored ? text.slice(1) : text
    this.#checkTime = checkTime
  }

  /** The first match at or after `init`, counted from 0. @throws PatternError */
  find(source: string, init: number): Match | undefined {
    for (let start = init; start <= source.length; start++) {
      const attempt = new Attempt(source, this.#pattern, this.#step)
      const end = attempt.match(start, 0)
      if (end !== NONE) return { start, end, captures: attempt.captures() }
      if (this.#isAnchored) return undefined
    }
    return undefined
  }

  /** Up to `limit` matches, one after the other. @throws PatternError */
  findAll(source: string, limit: number): Match[] {
    const matches: Match[] = []
    let from = 0
    while (matches.length < limit && from <= source.length) {
      const found = this.find(source, from)
      if (!found) break
      matches.push(found)
      from = found.end > found.start ? found.end : found.start + 1
      if (this.#isAnchored) break
    }
    return matches
  }

  readonly #step = (): void => {
    this.#checkTime(++this.#steps)
  }
}

/** No match. */
const NONE = -1

/** A match attempt at one position. */
class Attempt {
  readonly #source: string
  readonly #pattern: string
  readonly #step: () => void
  readonly #open: { start: number; length: number }[] = []
  #depth = 0

  constructor(source: string, pattern: string, step: () => void) {
    this.#source = source
    this.#pattern = pattern
    this.#step = step
  }

  captures(): Capture[] {
    return this.#open.map(({ start, length }) => {
      if (length === UNFINISHED) throw new PatternError("unfinished capture")
      return length === POSITION ? start + 1 : this.#source.slice(start, start + length)
    })
  }

  /** The end of the match at `s` of the pattern's rest at `p`, or NONE. */
  match(s: number, p: number): number {
    if (++this.#depth > MAX_DEPTH) throw new PatternError("pattern too complex")
    const end = this.#matchHere(s, p)
    this.#depth--
    return end
  }

  #matchHere(s: number, p: number): number {
    while (p < this.#pattern.length) {
      this.#step()
      const char = this.#pattern.charAt(p)
      const next = this.#pattern.charAt(p + 1)
      if (char === "(")
        return next === ")" ? this.#begin(s, p + 2, POSITION) : this.#begin(s, p + 1, UNFINISHED)
      if (char === ")") return this.#finish(s, p + 1)
      if (char === "$" && p + 1 === this.#pattern.length)
        return s === this.#source.length ? s : NONE
      if (char === "%" && next === "b") {
        s = this.#balanced(s, p + 2)
        p += 4
      } else if (char === "%" && next === "f") {
        const end = this.#frontier(s, p + 2)
        if (end === NONE) return NONE
        p = end
      } else if (char === "%" && /\d/.test(next)) {
        s = this.#backReference(s, next)
        p += 2
      } else {
        const end = this.#classEnd(p)
        const suffix = this.#pattern.charAt(end)
        if (suffix === "*") return this.#most(s, p, end)
        if (suffix === "-") return this.#least(s, p, end)
        const fits = this.#fits(s, p, end)
        if (suffix === "+") return fits ? this.#most(s + 1, p, end) : NONE
        if (suffix === "?") {
          const taken = fits ? this.match(s + 1, end + 1) : NONE
          if (taken !== NONE) return taken
          p = end + 1
        } else {
          s = fits ? s + 1 : NONE
          p = end
        }
      }
      if (s === NONE) return NONE
    }
    return s
  }

  #begin(s: number, p: number, length: number): number {
    if (this.#open.length >= MAX_CAPTURES) throw new PatternError("too many captures")
    this.#open.push({ start: s, length })
    const end = this.match(s, p)
    if (end === NONE) this.#open.pop()
    return end
  }

  #finish(s: number, p: number): number {
    const capture = [...this.#open].reverse().find(({ length }) => length === UNFINISHED)
    if (!capture) throw new PatternError("invalid pattern capture")
    capture.length = s - capture.start
    const end = this.match(s, p)
    if (end === NONE) capture.length = UNFINISHED
    return end
  }

  #most(s: number, p: number, end: number): number {
    let count = 0
    while (this.#fits(s + count, p, end)) count++
    for (; count >= 0; count--) {
      const found = this.match(s + count, end + 1)
      if (found !== NONE) return found
    }
    return NONE
  }

  #least(s: number, p: number, end: number): number {
    for (;;) {
      const found = this.match(s, end + 1)
      if (found !== NONE) return found
      if (!this.#fits(s, p, end)) return NONE
      s++
    }
  }

  #balanced(s: number, p: number): number {
    const [open, close] = [this.#pattern.charAt(p), this.#pattern.charAt(p + 1)]
    if (close === "") throw new PatternError("unbalanced pattern")
    if (s >= this.#source.length || this.#source.charAt(s) !== open) return NONE
    let depth = 1
    while (++s < this.#source.length) {
      this.#step()
      const char = this.#source.charAt(s)
      if (char === close) {
        if (--depth === 0) return s + 1
      } else if (char === open) depth++
    }
    return NONE
  }

  /** The end of the set after `%f`, if `s` is a transition into that set. */
  #frontier(s: number, p: number): number {
    if (this.#pattern.charAt(p) !== "[") throw new PatternError("missing '[' after '%f' in pattern")
    const end = this.#classEnd(p)
    const before = s === 0 ? 0 : this.#source.charCodeAt(s - 1)
    const here = s < this.#source.length ? this.#source.charCodeAt(s) : 0
    return !this.#inSet(before, p, end - 1) && this.#inSet(here, p, end - 1) ? end : NONE
  }

  #backReference(s: number, digit: string): number {
    const capture = this.#open[Number(digit) - 1]
    if (!capture || capture.length === UNFINISHED) throw new PatternError("invalid capture index")
    if (capture.length === POSITION) return NONE
    const text = this.#source.slice(capture.start, capture.start + capture.length)
    return this.#source.startsWith(text, s) ? s + text.length : NONE
  }

  /** The position after the class at `p`. */
  #classEnd(p: number): number {
    const char = this.#pattern.charAt(p++)
    if (char === "%") {
      if (p >= this.#pattern.length) throw new PatternError("malformed pattern (ends with '%')")
      return p + 1
    }
    if (char !== "[") return p
    if (this.#pattern.charAt(p) === "^") p++
    do {
      if (p >= this.#pattern.length) throw new PatternError("malformed pattern (missing ']')")
      if (this.#pattern.charAt(p++) === "%" && p < this.#pattern.length) p++
    } while (this.#pattern.charAt(p) !== "]")
    return p + 1
  }

  #fits(s: number, p: number, end: number): boolean {
    this.#step()
    if (s >= this.#source.length) return false
    const code = this.#source.charCodeAt(s)
    switch (this.#pattern.charAt(p)) {
      case ".":
        return true
      case "%":
        return inClass(code, this.#pattern.charAt(p + 1))
      case "[":
        return this.#inSet(code, p, end - 1)
      default:
        return this.#pattern.charCodeAt(p) === code
    }
  }

  /** Whether the set from `[` at `p` to `]` at `end` contains the char. */
  #inSet(code: number, p: number, end: number): boolean {
    const isNegated = this.#pattern.charAt(p + 1) === "^"
    if (isNegated) p++
    while (++p < end) {
      if (this.#pattern.charAt(p) === "%") {
        p++
        if (inClass(code, this.#pattern.charAt(p))) return !isNegated
      } else if (this.#pattern.charAt(p + 1) === "-" && p + 2 < end) {
        p += 2
        if (this.#pattern.charCodeAt(p - 2) <= code && code <= this.#pattern.charCodeAt(p))
          return !isNegated
      } else if (this.#pattern.charCodeAt(p) === code) return !isNegated
    }
    return isNegated
  }
}

/* eslint-disable no-control-regex -- These are C's classes of chars, controls among them. */
const CLASSES: Readonly<Record<string, RegExp>> = {
  a: /[A-Za-z]/,
  c: /[\0-\x1f\x7f]/,
  d: /[0-9]/,
  l: /[a-z]/,
  p: /[!-/:-@[-`{-~]/,
  s: /[\t-\r ]/,
  u: /[A-Z]/,
  w: /[A-Za-z0-9]/,
  x: /[A-Fa-f0-9]/,
  z: /\0/,
}
/* eslint-enable no-control-regex */

/** `%a` and the like. An upper-case letter means all other chars; a char that does not name a class matches itself. */
function inClass(code: number, name: string): boolean {
  const lower = name.toLowerCase()
  const members = CLASSES[lower]
  if (!members) return name.charCodeAt(0) === code
  return members.test(String.fromCharCode(code)) === (name === lower)
}

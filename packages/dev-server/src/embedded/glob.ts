// Redis's glob patterns: `*`, `?`, `[a-z]`, `[^x]` and `\` before a literal. Strings have one char per byte.

/** One byte of a pattern: 1 for each byte that matches. */
type Step = Uint8Array
type Token = "*" | Step

/** Tests whether a text matches the pattern, in O(pattern × text) at worst. */
export function globMatcher(pattern: string): (text: string) => boolean {
  const tokens = readTokens(pattern)
  return (text) => fits(tokens, text)
}

/** Only the last `*` is ever extended: it can also match whatever an earlier one could match in addition. */
function fits(tokens: readonly Token[], text: string): boolean {
  let [t, i] = [0, 0]
  let star: { readonly token: number; from: number } | undefined
  while (i < text.length) {
    const token = tokens[t]
    if (token === "*") {
      star = { token: t, from: i }
      t++
    } else if (token?.[text.charCodeAt(i)] === 1) {
      t++
      i++
    } else if (star) {
      star.from++
      t = star.token + 1
      i = star.from
    } else return false
  }
  while (tokens[t] === "*") t++
  return t === tokens.length
}

function readTokens(pattern: string): Token[] {
  const tokens: Token[] = []
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern.charAt(i)
    if (char === "*") {
      if (tokens.at(-1) !== "*") tokens.push("*")
    } else if (char === "?") tokens.push(new Uint8Array(256).fill(1))
    else if (char === "[") {
      const { step, end } = readClass(pattern, i + 1)
      tokens.push(step)
      i = end
    } else {
      if (char === "\\" && i + 1 < pattern.length) i++
      tokens.push(range(pattern.charCodeAt(i), pattern.charCodeAt(i)))
    }
  }
  return tokens
}

/** The class after a `[`, and the position of its `]`; without a `]` it extends to the end. */
function readClass(pattern: string, begin: number): { step: Step; end: number } {
  const negated = pattern.charAt(begin) === "^"
  const step = new Uint8Array(256)
  let i = negated ? begin + 1 : begin
  for (; i < pattern.length && pattern.charAt(i) !== "]"; i++) {
    if (pattern.charAt(i) === "\\" && i + 1 < pattern.length) i++
    else if (pattern.charAt(i + 1) === "-" && i + 2 < pattern.length) {
      // Redis accepts the ends of a range in either order.
      const ends = [pattern.charCodeAt(i), pattern.charCodeAt(i + 2)]
      step.fill(1, Math.min(...ends), Math.max(...ends) + 1)
      i += 2
      continue
    }
    step[pattern.charCodeAt(i)] = 1
  }
  return { step: negated ? step.map((fit) => 1 - fit) : step, end: i }
}

function range(first: number, last: number): Step {
  return new Uint8Array(256).fill(1, first, last + 1)
}

// Redis's glob patterns (`*`, `?`, `[a-z]`, `[^x]`, `\` before a literal) as regular expressions.

export function globToRegExp(pattern: string): RegExp {
  let source = ""
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern.charAt(i)
    if (char === "*") source += "[^]*"
    else if (char === "?") source += "[^]"
    else if (char === "\\" && i + 1 < pattern.length) source += literal(pattern.charAt(++i))
    else if (char === "[") {
      const end = pattern.indexOf("]", i + 1)
      const stop = end < 0 ? pattern.length : end
      source += charClass(pattern.slice(i + 1, stop))
      i = stop
    } else source += literal(char)
  }
  return new RegExp(`^${source}$`)
}

function literal(char: string): string {
  return char.replace(/[\\^$.*+?()[\]{}|/-]/, "\\$&")
}

function charClass(body: string): string {
  const negated = body.startsWith("^")
  const inner = (negated ? body.slice(1) : body).replace(/[\\\][^]/g, "\\$&")
  if (inner === "") return negated ? "[^]" : "[]"
  return `[${negated ? "^" : ""}${inner}]`
}

// Parses JSON with its numbers as they were written, where JSON.parse would round or rewrite them.

const STRINGS_AND_NUMBERS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

/** Like `JSON.parse`, but each number becomes its text. @throws SyntaxError */
export function parseExactly(json: string): unknown {
  const value: unknown = JSON.parse(json)
  // It has been parsed once, so it is valid JSON, and every number-like token outside of quotes is a number.
  return hasNumber(value) ? JSON.parse(json.replace(STRINGS_AND_NUMBERS, quoteNumber)) : value
}

function hasNumber(value: unknown): boolean {
  return typeof value === "number" || (Array.isArray(value) && value.some(hasNumber))
}

function quoteNumber(token: string): string {
  return token.startsWith('"') ? token : `"${token}"`
}

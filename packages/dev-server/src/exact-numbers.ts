// JSON whose numbers keep the digits they were written with, where JSON.parse would round or rewrite them.

const STRINGS_AND_NUMBERS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

/** As `JSON.parse`, but each number becomes the text it was. @throws SyntaxError */
export function parseExactly(json: string): unknown {
  const value: unknown = JSON.parse(json)
  // Parsed once already, so the text is JSON, and what looks like a number outside of quotes is one.
  return hasNumber(value) ? JSON.parse(json.replace(STRINGS_AND_NUMBERS, quoteNumber)) : value
}

function hasNumber(value: unknown): boolean {
  return typeof value === "number" || (Array.isArray(value) && value.some(hasNumber))
}

function quoteNumber(token: string): string {
  return token.startsWith('"') ? token : `"${token}"`
}

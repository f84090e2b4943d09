// Makes text safe to print on a terminal: names and reasons in a database may contain escape sequences.

/**
 * Controls, invisible format characters (which reorder or hide what follows), line and paragraph separators, lone surrogates
 * and private characters.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu

/** The same text on one line; characters that a terminal would obey or hide are written as `\n` or `\u{9b}`. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (character) => {
    if (character === "\n") return "\\n"
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
  })
}

/** The same in quotes, cut off after 100 characters. */
export function inQuotes(text: string): string {
  return `"${printable(text.length > 100 ? `${text.slice(0, 100)}…` : text)}"`
}

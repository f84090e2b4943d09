// Finds the words that somebody who mistyped one probably meant.

/** The candidates within two typing errors of the word, the nearest first. */
export function nearest(word: string, candidates: readonly string[]): string[] {
  return candidates
    .map((candidate) => ({ candidate, errors: distance(word, candidate) }))
    .filter(({ candidate, errors }) => errors <= 2 && errors < candidate.length / 2)
    .sort((a, b) => a.errors - b.errors)
    .map(({ candidate }) => candidate)
}

/** The number of characters to insert, delete or replace (Levenshtein). */
function distance(one: string, other: string): number {
  // A word that is much longer is not a typing error.
  if (Math.abs(one.length - other.length) > 2) return Infinity
  let row = Array.from({ length: other.length + 1 }, (_, i) => i)
  for (let i = 1; i <= one.length; i++) {
    const next = [i]
    for (let j = 1; j <= other.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[other.length] ?? 0
}

// Lays out rows of text in columns, and writes durations as people read them.

/** A longer cell does not widen its column: one long name must not fill the screen with spaces. */
const WIDEST = 100

/** Cells must be printable. The last column is not padded. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) =>
    rows.reduce((widest, row) => {
      const width = widthOf(row[at] ?? "")
      return width > WIDEST ? widest : Math.max(widest, width)
    }, 0),
  )
  return rows
    .map((row) =>
      row
        .map((cell, at) => pad(cell, widths[at] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("")
}

function pad(cell: string, width: number): string {
  return cell + " ".repeat(Math.max(0, width - widthOf(cell)))
}

/** In characters; those of East Asian scripts fill two cells of a terminal. */
function widthOf(text: string): number {
  let width = 0
  for (const character of text) {
    const isWide =
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\u{1f300}-\u{1faff}]/u
    width += isWide.test(character) ? 2 : 1
  }
  return width
}

/** Null: without an end. */
export function durationText(ms: number | null): string {
  if (ms === null) return "no limit"
  const seconds = ms / 1_000
  if (seconds < 100) return `${seconds.toFixed(1)}s`
  const minutes = Math.round(seconds / 60)
  if (seconds < 3_600)
    return `${Math.floor(seconds / 60)}m ${String(Math.floor(seconds % 60)).padStart(2, "0")}s`
  if (minutes < 48 * 60)
    return `${Math.floor(minutes / 60)}h ${String(minutes % 60).padStart(2, "0")}m`
  return `${Math.round(minutes / 1_440)}d`
}

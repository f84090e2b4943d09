// Prints a schedule as a table.

/** One line for each row, in columns as wide as their texts; a cell that is the same as above is empty. */
export function tableOf(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row, i) =>
    row.map((cell, column) => (column > 1 && rows[i - 1]?.[column] === cell ? "" : cell)),
  )
  const widths = columns.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)),
  )
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd()
  return [line(columns), line(widths.map((width) => "-".repeat(width))), ...cells.map(line)].join(
    "\n",
  )
}

// Writes numbers like C's `%.*g`, as Redis and Lua do.

export function formatG(value: number, precision: number): string {
  if (Number.isNaN(value)) return "nan"
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf"
  if (value === 0) return Object.is(value, -0) ? "-0" : "0"
  const [mantissa = "", power = "0"] = value.toExponential(precision - 1).split("e")
  const exponent = Number(power)
  if (exponent >= -4 && exponent < precision) {
    return trimZeros(value.toFixed(Math.max(precision - 1 - exponent, 0)))
  }
  const sign = exponent < 0 ? "-" : "+"
  return `${trimZeros(mantissa)}e${sign}${String(Math.abs(exponent)).padStart(2, "0")}`
}

/** A sorted set's score, as Redis 7.0 writes it. */
export function formatScore(score: number): string {
  return formatG(score, 17)
}

function trimZeros(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text
}

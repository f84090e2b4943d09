// Adds decimals as INCRBYFLOAT of Redis does: as 80-bit floats (C's `long double`), printed with 17 decimals.
import { ErrorReply } from "../engine.js"

const MANTISSA_BITS = 64
const LARGEST = 1n << 16384n
const DECIMALS = 10n ** 17n
/** Far beyond the range of such a float: limits the size of the integers that a text can cause. */
const MAX_EXPONENT = 5000

/** A finite float: `mantissa` times two to the `exponent`. */
interface Float {
  readonly mantissa: bigint
  readonly exponent: number
}

/** The sum as Redis writes it. @throws ErrorReply for an infinite sum, and with `refusal` for an invalid float. */
export function addDecimals(value: string, increment: string, refusal?: string): string {
  const [a, b] = [parse(value, refusal), parse(increment)]
  if (a === "infinite" || b === "infinite") throw notFinite()
  const exponent = Math.min(a.exponent, b.exponent)
  const scaled = ({ mantissa, exponent: own }: Float) => mantissa << BigInt(own - exponent)
  const sum = round(scaled(a) + scaled(b), exponent)
  if (magnitude(sum) >= LARGEST) throw notFinite()
  return format(sum)
}

function parse(text: string, refusal = "ERR value is not a valid float"): Float | "infinite" {
  if (/^[+-]?inf(inity)?$/i.test(text)) return "infinite"
  const parts = /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text)
  const [, sign = "", whole = "", fraction = "", power = "0"] = parts ?? []
  const exponent = Number(power) - fraction.length
  if (!parts || whole + fraction === "" || text.length > MAX_EXPONENT) throw new ErrorReply(refusal)
  const digits = BigInt(`${whole}${fraction}`)
  if (digits === 0n) return { mantissa: 0n, exponent: 0 }
  if (Math.abs(exponent) > MAX_EXPONENT * 2) throw new ErrorReply(refusal)
  const float =
    exponent < 0
      ? divide(digits, 10n ** BigInt(-exponent))
      : round(digits * 10n ** BigInt(exponent), 0)
  const isTooSmall = float.exponent + MANTISSA_BITS < -16445
  if (magnitude(float) >= LARGEST || isTooSmall) throw new ErrorReply(refusal)
  return sign === "-" ? { ...float, mantissa: -float.mantissa } : float
}

/** The float nearest to a fraction. */
function divide(numerator: bigint, denominator: bigint): Float {
  // Rounding needs two bits more than are kept, and one that tells whether there is a remainder.
  const shift = Math.max(0, MANTISSA_BITS + 2 - bitsOf(numerator) + bitsOf(denominator))
  const dividend = numerator << BigInt(shift)
  const isExact = dividend % denominator === 0n
  const quotient = ((dividend / denominator) << 1n) | (isExact ? 0n : 1n)
  return round(quotient, -shift - 1)
}

/** The nearest float; of two, the even one. */
function round(mantissa: bigint, exponent: number): Float {
  const size = mantissa < 0n ? -mantissa : mantissa
  const excess = bitsOf(size) - MANTISSA_BITS
  if (excess <= 0) return { mantissa, exponent }
  const rounded = roundedShift(size, BigInt(excess))
  return { mantissa: mantissa < 0n ? -rounded : rounded, exponent: exponent + excess }
}

/** `value / 2^bits`, rounded to the nearest integer; of two, the even one. */
function roundedShift(value: bigint, bits: bigint): bigint {
  const floor = value >> bits
  const rest = (value - (floor << bits)) << 1n
  const unit = 1n << bits
  return rest > unit || (rest === unit && (floor & 1n) === 1n) ? floor + 1n : floor
}

/** Like `%.17Lf`, without trailing zeros. */
function format({ mantissa, exponent }: Float): string {
  const size = (mantissa < 0n ? -mantissa : mantissa) * DECIMALS
  const scaled = exponent < 0 ? roundedShift(size, BigInt(-exponent)) : size << BigInt(exponent)
  const digits = scaled.toString().padStart(18, "0")
  const text = `${digits.slice(0, -17)}.${digits.slice(-17)}`.replace(/\.?0+$/, "")
  return mantissa < 0n && text !== "0" ? `-${text}` : text
}

function magnitude({ mantissa, exponent }: Float): bigint {
  const size = mantissa < 0n ? -mantissa : mantissa
  return exponent < 0 ? size >> BigInt(-exponent) : size << BigInt(exponent)
}

function bitsOf(value: bigint): number {
  return value.toString(2).length
}

function notFinite(): ErrorReply {
  return new ErrorReply("ERR increment would produce NaN or Infinity")
}

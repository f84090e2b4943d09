// The options of SET, GETEX and EXPIRE for the expiry of a key.
import { ErrorReply } from "../engine.js"
import { bigintOf, syntaxError } from "./arguments.js"
import type { Clock } from "./clock.js"

/** The unit of each option in milliseconds, and whether it counts from now. */
const UNITS: Readonly<Record<string, { readonly ms: bigint; readonly relative: boolean }>> = {
  EX: { ms: 1000n, relative: true },
  PX: { ms: 1n, relative: true },
  EXAT: { ms: 1000n, relative: false },
  PXAT: { ms: 1n, relative: false },
}

export function isExpiryUnit(option: string): boolean {
  return Object.hasOwn(UNITS, option)
}

/** The time that an option such as `PX 100` means. @throws ErrorReply for an invalid time. */
export function momentOf(clock: Clock, option: string, amount: string, command: string): number {
  const unit = UNITS[option]
  if (!unit) throw syntaxError()
  const count = bigintOf(amount)
  if (count <= 0n) throw invalidExpire(command)
  return toMoment(clock, count, unit, command)
}

/** Like `momentOf`, but a time in the past is allowed, as in EXPIRE. */
export function anyMomentOf(clock: Clock, option: string, amount: string, command: string): number {
  const unit = UNITS[option]
  if (!unit) throw syntaxError()
  return toMoment(clock, bigintOf(amount), unit, command)
}

function toMoment(
  clock: Clock,
  count: bigint,
  unit: { readonly ms: bigint; readonly relative: boolean },
  command: string,
): number {
  const moment = count * unit.ms + (unit.relative ? BigInt(clock.ms) : 0n)
  if (BigInt.asIntN(64, moment) !== moment) throw invalidExpire(command)
  return Number(moment)
}

function invalidExpire(command: string): ErrorReply {
  return new ErrorReply(`ERR invalid expire time in '${command}' command`)
}

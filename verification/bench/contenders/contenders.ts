// All contenders.
import type { Contender } from "./contender.js"
import { durableObject } from "./durable-object.js"
import { fetchlock } from "./fetchlock.js"
import { overTcp } from "./over-tcp.js"
import { upstashLock } from "./upstash-lock.js"

export const CONTENDERS: readonly Contender[] = [
  ...fetchlock,
  upstashLock,
  ...overTcp,
  durableObject,
]

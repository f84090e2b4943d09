// The tests for mutants of `once`, beside the unit tests: its promises, with a database in this process and a simulated clock.
import { afterAll, beforeAll, describe, vi } from "vitest"
import { leading } from "../once/leading.js"
import { sharing } from "../once/sharing.js"
import { streams } from "../once/streams.js"
import { moveClock, virtual } from "../support/virtual-database.js"

beforeAll(moveClock)
afterAll(() => vi.useRealTimers())

describe("results", () => {
  sharing(virtual)
})
describe("runs", () => {
  leading(virtual)
})
describe("streams", () => {
  streams(virtual)
})

// What docs/security.md promises of secrets: no token is told, and what travels says no more than it must.
import { describe } from "vitest"
import { errors } from "./errors.js"
import { linearTime } from "./linear-time.js"
import { logging } from "./logging.js"
import { wire } from "./wire.js"

describe("errors and events", errors)
describe("logging", logging)
describe("requests and answers", wire)
describe("long texts", linearTime)

// What docs/security.md promises of secrets: no token is told, and what travels says no more than it must.
import { describe } from "vitest"
import { errors } from "./security/errors.js"
import { linearTime } from "./security/linear-time.js"
import { logging } from "./security/logging.js"
import { wire } from "./security/wire.js"

describe("errors and events", errors)
describe("logging", logging)
describe("requests and answers", wire)
describe("long texts", linearTime)

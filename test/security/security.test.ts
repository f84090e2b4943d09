// The promises of docs/security.md about secrets: no token is revealed, and requests contain no more than they must.
import { describe } from "vitest"
import { errors } from "./errors.js"
import { linearTime } from "./linear-time.js"
import { logging } from "./logging.js"
import { wire } from "./wire.js"

describe("errors and events", errors)
describe("logging", logging)
describe("requests and responses", wire)
describe("long texts", linearTime)

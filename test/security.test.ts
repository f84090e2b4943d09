// What docs/security.md promises: secrets stay secret, and what is hostile neither harms nor misleads.
import { describe } from "vitest"
import { errors } from "./security/errors.js"
import { logging } from "./security/logging.js"

describe("errors and events", errors)
describe("logging", logging)

#!/usr/bin/env node
// The command `fetchlock-dev-server`.
import { run } from "./cli.js"

await run(process.argv.slice(2))

// `npm run torture:quorum`: tortures a quorum, prints the seed and the result, and fails if there was a violation.
import { parseArgs } from "node:util"
import { runTorture } from "./torture.js"

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 32)) },
    contenders: { type: "string", default: "20" },
    "no-quarantine": { type: "boolean", default: false },
  },
})

const settings = {
  seconds: Number(values.seconds),
  seed: Number(values.seed),
  contenders: Number(values.contenders),
  quarantine: !values["no-quarantine"],
}
for (const [option, value] of Object.entries(settings)) {
  if (Number.isNaN(value)) throw new TypeError(`--${option}: must be a number, got NaN`)
}
console.log(`seed ${settings.seed}, ${settings.seconds} s, ${settings.contenders} contenders`)
if (!settings.quarantine) console.log("the quarantine is off: expect overlaps")

const report = await runTorture(settings)
for (const [before, after] of [...report.overlaps, ...report.fencingFailures]) {
  console.log(JSON.stringify({ before, after }))
}
for (const reason of report.unhandledRejections) console.log(reason)
const { grants, timeouts, failures, troubles } = report
const violations = {
  overlaps: report.overlaps.length,
  "fencing tokens that did not rise": report.fencingFailures.length,
  "unhandled rejections": report.unhandledRejections.length,
  "names that stayed locked": report.stuck.length,
}
console.log({ grants, timeouts, failures, ...troubles, ...violations })
process.exitCode = grants > 0 && Object.values(violations).every((count) => count === 0) ? 0 : 1

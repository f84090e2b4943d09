// `npm run torture`: tortures one database, shows how it goes, and fails if any judge found anything.
import { USUAL } from "./settings.js"
import { torture } from "./torture.js"
import { summary } from "./report.js"
const seconds = Number(process.argv[2] ?? 20)
const seed = Number(process.argv[3] ?? Math.floor(Math.random() * 2 ** 32))
console.log("seed", seed)
const report = await torture(
  { ...USUAL, seconds, seed },
  {
    onProgress: (r) =>
      process.stderr.write(
        `\r${r.seconds.toFixed(0)} s ${r.grants} grants ${r.violations.length} violations`,
      ),
  },
)
console.log()
for (const v of report.violations.slice(0, 10)) console.log(JSON.stringify(v).slice(0, 1500))
console.log(summary(report))
process.exitCode = report.violations.length > 0 ? 1 : 0

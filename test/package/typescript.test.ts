// The packed types in a project with the oldest module resolution. `npm run matrix` has the other ones and other compilers.
import { execFile } from "node:child_process"
import { copyFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { expect, test } from "vitest"
import { tsconfig } from "../../verification/matrix/typescript-config.js"
import { Project } from "../docs/project.js"

const run = promisify(execFile)

test(
  "every entry point is found under Next 14's moduleResolution",
  { timeout: 120_000 },
  async () => {
    const project = await Project.create()
    try {
      await copyFile("verification/matrix/typescript-use.ts", join(project.folder, "use.ts"))
      const hono = `export { lock, lockRoutes } from "fetchlock/hono"\n`
      await writeFile(join(project.folder, "hono.ts"), hono)
      // TypeScript 6 calls node10 obsolete. To check all declarations takes most of the time.
      const more = { ignoreDeprecations: "6.0", skipLibCheck: true }
      const config = tsconfig("node10", ["use.ts", "hono.ts"], more)
      await writeFile(join(project.folder, "tsconfig.json"), JSON.stringify(config))
      const tsc = join("node_modules", "typescript", "bin", "tsc")
      const compiling = run(process.execPath, [tsc, "-p", project.folder])
      const output = await compiling.then(
        () => "",
        (error: unknown) => (error as { stdout: string }).stdout,
      )
      expect(output).toBe("")
    } finally {
      await project.remove()
    }
  },
)

// `fetchlock dev`: hands over to the package that brings the local server, where that is installed.
import { createRequire } from "node:module"
import { pathToFileURL } from "node:url"

const SERVER = "@fetchlock/dev-server"

/** The part of `@fetchlock/dev-server/cli` that is used. */
interface ServerCli {
  run(args: readonly string[], name: string): Promise<void>
}

/** @param args what stands behind `dev` on the command line */
export async function runDev(args: readonly string[]): Promise<void> {
  const cli = findCli()
  if (cli === undefined) {
    console.error(`fetchlock: the local server is not installed; run: npm i -D ${SERVER}`)
    process.exitCode = 1
    return
  }
  const server = (await import(pathToFileURL(cli).href)) as ServerCli
  await server.run(args, "fetchlock dev")
}

/**
 * Where the server's command line is. The project is searched before this package's own surroundings: it is the project
 * that installs the server, and pnpm and npx keep this package apart from it.
 */
function findCli(): string | undefined {
  const paths = [process.cwd(), import.meta.dirname]
  try {
    return createRequire(import.meta.filename).resolve(`${SERVER}/cli`, { paths })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") return undefined
    throw error
  }
}

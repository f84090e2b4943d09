// `fetchlock ui`: a page on this machine that shows holders and waiters.
import { randomBytes } from "node:crypto"
import { type Arguments, integerOf } from "../command-line.js"
import { connect } from "../connect.js"
import { printText } from "../output.js"
import { Observer } from "./observer.js"
import { startUiServer } from "./ui-server.js"

const DEFAULT_COMMANDS_PER_SECOND = 20

export async function execute(args: Arguments): Promise<number> {
  const port = integerOf(args, "port", 0, 65_535) ?? 0
  const limit = integerOf(args, "commands-per-second", 1, 10_000) ?? DEFAULT_COMMANDS_PER_SECOND
  const observer = new Observer(connect(args), limit)
  const token = randomBytes(24).toString("base64url")
  const ended = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, resolve)
  })
  const server = await startUiServer(observer, token, port)
  await printText(
    `Open http://127.0.0.1:${server.port}/#${token}\n\nAnyone with this address and an account on this machine can end holds. Press Ctrl-C to stop.\n`,
  )
  await ended
  server.close()
  return 0
}

// The command `fetchlock run`: its start-up, and how soon a second one enters after the first one's end.
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { resolve } from "node:path"
import { isPushed } from "../contenders/fetchlock.js"
import { NOTHING, type Result } from "../result.js"
import { percentile } from "../testbed/percentile.js"
import type { Testbed } from "../testbed/testbed.js"
import { timed } from "../testbed/timed.js"
import type { Scenario } from "./scenario.js"

const COMMAND = resolve("dist/cli/main.cjs")
const NAME = "fetchlock run"

/**
 * The start of `fetchlock run NAME -- true` without its two requests, as a ratio to `node -e 0`. The requests are those of a
 * bare program: it sends two with node:http, and starts `true` in between.
 */
export function commandStart(times: number): Scenario {
  return {
    title: "command line, start",
    takes: isPushed,
    limitSeconds: (rttMs) => (times * 3 * (100 + 2 * rttMs)) / 1_000,
    run: async (testbed) => {
      const run = () => finish(start(testbed, [COMMAND, "run", "start", "--", "true"]))
      const programs = { node: ["-e", "0"], bare: ["-e", BARE] }
      const taken = { node: [] as number[], bare: [] as number[], own: [] as number[] }
      await run()
      for (let i = 0; i < times; i++) {
        taken.node.push(await timed(() => finish(start(testbed, programs.node))))
        taken.bare.push(await timed(() => finish(start(testbed, programs.bare))))
        taken.own.push(await timed(run))
      }
      const { commands } = await testbed.count(run)
      const [node, bare, own] = [taken.node, taken.bare, taken.own].map((all) =>
        percentile(all, 0.5),
      ) as [number, number, number]
      const ratio = (own - (bare - node)) / node
      return { [NAME]: { ...NOTHING, ratio_to_limit: ratio, commands_per_cs: commands } }
    },
  }
}

const BARE = `
  const http = require("node:http"), { spawn } = require("node:child_process")
  const { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token } = process.env
  const agent = new http.Agent({ keepAlive: true })
  const headers = { Authorization: "Bearer " + token }
  const send = () => new Promise((resolve) => {
    const options = { method: "POST", agent, headers }
    http.request(url, options, (response) => response.resume().on("end", resolve)).end('["PING"]')
  })
  const run = () => new Promise((resolve) => spawn("true", { stdio: "inherit" }).on("exit", resolve))
  send().then(run).then(send).then(() => process.exit(0))`

/** From the end of a command to the beginning of the next one, which waits in another process, by this machine's clock. */
export function commandHandOff(rounds: number): Scenario {
  return {
    title: "command line, hand-off",
    takes: isPushed,
    limitSeconds: (rttMs) => (rounds * (500 + 6 * rttMs)) / 1_000,
    run: async (testbed) => {
      const handOffs: number[] = []
      for (let i = 0; i < rounds; i++) handOffs.push(await handOffMs(testbed, `hand-off-${i}`))
      const result: Result = {
        ...NOTHING,
        handoff_p50_rtt: percentile(handOffs, 0.5) / testbed.rttMs,
        handoff_p99_rtt: percentile(handOffs, 0.99) / testbed.rttMs,
      }
      return { [NAME]: result }
    },
  }
}

async function handOffMs(testbed: Testbed, name: string): Promise<number> {
  const run = (script: string) =>
    start(testbed, [COMMAND, "run", name, "--", "sh", "-c", script], "pipe")
  const first = run("echo in; read line; exec date +%s%N")
  await prints(first.stdout, /in/)
  const second = run("exec date +%s%N")
  const waits = prints(second.stderr, /waiting/)
  const beginning = prints(second.stdout, /\d\n/)
  await waits
  const end = prints(first.stdout, /\d\n/)
  first.stdin?.end("\n")
  const times = await Promise.all([end, beginning])
  await Promise.all([finish(first), finish(second)])
  const [endedAt = 0, begunAt = 0] = times.map((text) => Number(/\d{10,}/.exec(text)?.[0]) / 1e6)
  return begunAt - endedAt
}

function start(
  { url, token }: Testbed,
  args: readonly string[],
  stdio: "ignore" | "pipe" = "ignore",
): ChildProcess {
  const own = { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token }
  return spawn(process.execPath, args, { stdio, env: { ...process.env, ...own } })
}

async function finish(child: ChildProcess): Promise<void> {
  if (child.exitCode === null) await once(child, "exit")
  if (child.exitCode !== 0) throw new Error(`ended with ${child.exitCode}`)
}

/** The output until it matches. */
async function prints(stream: ChildProcess["stdout"], pattern: RegExp): Promise<string> {
  let text = ""
  for await (const chunk of stream?.iterator({ destroyOnReturn: false }) ?? []) {
    text += String(chunk)
    if (pattern.test(text)) return text
  }
  throw new Error(`ended before ${String(pattern)}: ${text}`)
}

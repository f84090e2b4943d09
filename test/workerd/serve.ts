// The common part of both Workers: runs the scenario that the path names, on the lock that the query names.
import type { LockManager } from "fetchlock"
import { type Command, scenarios } from "./scenarios.js"

/** The variables that `fromEnv` reads. */
export interface Env {
  readonly UPSTASH_REDIS_REST_URL: string
  readonly UPSTASH_REDIS_REST_TOKEN: string
}

// workerd itself does not report an unhandled rejection.
addEventListener("unhandledrejection", (event) => {
  console.error("unhandled rejection:", event.reason)
})

export async function serve(request: Request, env: Env, locks: LockManager): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url)
  const scenario = scenarios[pathname.slice(1)]
  if (!scenario) return new Response("no such scenario", { status: 404 })
  const name = searchParams.get("name") ?? ""
  const stage = { locks, name, command: commandTo(env), body: await request.text() }
  return Response.json(await scenario(stage))
}

/** The database, without the library. */
export function commandTo(env: Env): Command {
  return async (...command) => {
    const response = await fetch(env.UPSTASH_REDIS_REST_URL, {
      method: "POST",
      headers: { Authorization: `Bearer ${env.UPSTASH_REDIS_REST_TOKEN}` },
      body: JSON.stringify(command),
    })
    const { result } = (await response.json()) as { result: unknown }
    return result
  }
}

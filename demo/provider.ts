// An OAuth provider that rotates refresh tokens, and revokes all when one is used twice, with the API that it protects.
import { once } from "node:events"
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"

export interface Provider {
  readonly url: string
  /** How many refreshes it was asked for. */
  readonly refreshes: number
  /** When the last refresh was asked for and answered (epoch milliseconds). */
  readonly lastRefresh: { readonly from: number; readonly to: number }
  close(): void
}

/** How long a refresh takes. */
const REFRESH_MS = 300

/** @param refreshToken the first one */
export async function startProvider(refreshToken: string): Promise<Provider> {
  let valid = refreshToken
  let refreshes = 0
  const accessTokens: string[] = []
  const lastRefresh = { from: 0, to: 0 }
  const server = createServer((request, response) => {
    const answer = (status: number, body: object) => {
      response.writeHead(status, { "Content-Type": "application/json" })
      response.end(JSON.stringify(body))
    }
    const refresh = async () => {
      const form = new URLSearchParams(await textOf(request))
      refreshes++
      lastRefresh.from = Date.now()
      const isValid = form.get("refresh_token") === valid
      valid = isValid ? `refresh-token-${refreshes}` : "revoked"
      await sleep(REFRESH_MS)
      lastRefresh.to = Date.now()
      if (!isValid) {
        answer(400, { error: "invalid_grant" })
        return
      }
      accessTokens.push(`access-token-${refreshes}`)
      answer(200, {
        access_token: accessTokens.at(-1),
        refresh_token: valid,
        expires_in: 3_600,
      })
    }
    if (request.url === "/token") void refresh()
    else if (request.headers.authorization === `Bearer ${accessTokens.at(-1) ?? ""}`) {
      answer(200, { events: [] })
    } else answer(401, { error: "invalid_token" })
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get refreshes() {
      return refreshes
    },
    lastRefresh,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ""
  for await (const chunk of request.setEncoding("utf8")) text += chunk as string
  return text
}

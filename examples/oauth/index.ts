// A Worker that calls an API with an OAuth access token: one request refreshes it, all others share it.
// Providers rotate the refresh token, and revoke all tokens when an old one is used again: two refreshes at once sign the user out.
import { Redis } from "@upstash/redis/cloudflare"
import { LockManager } from "fetchlock"
import { once, type OnceResult } from "fetchlock/once"
import { Hono } from "hono"

interface Env {
  UPSTASH_REDIS_REST_URL: string
  UPSTASH_REDIS_REST_TOKEN: string
  TOKEN_URL: string
  API_URL: string
  /** 32 bytes in base64. */
  ENCRYPTION_KEY: string
}

interface Token {
  readonly access_token: string
  readonly refresh_token: string
  readonly expires_in: number
}

const app = new Hono<{ Bindings: Env }>()

app.get("/calendar", async (c) => {
  const locks = LockManager.fromEnv(c.env, {
    waitUntil: (work) => {
      c.executionCtx.waitUntil(work)
    },
  })
  const { value: token, source } = await accessToken(c.env, locks)
  const headers = { Authorization: `Bearer ${token.access_token}` }
  const response = await fetch(c.env.API_URL, { headers })
  c.header("X-Token-Source", source)
  return c.json({ calendar: await response.json() }, response.ok ? 200 : 502)
})

function accessToken(env: Env, locks: LockManager): Promise<OnceResult<Token>> {
  const { encrypt, decrypt } = cipher(env.ENCRYPTION_KEY)
  const options = {
    // A minute less than it is valid, so that nobody is given one that is about to expire.
    remember: ({ expires_in }: Token) => Math.max(0, expires_in - 60) * 1_000,
    serialize: (token: Token) => encrypt(JSON.stringify(token)),
    deserialize: async (text: string) => JSON.parse(await decrypt(text)) as Token,
  }
  return once.detailed(locks, "oauth:calendar", options, (lock) => refresh(env, lock.signal))
}

/** Runs in one request at a time. */
async function refresh(env: Env, signal: AbortSignal): Promise<Token> {
  const redis = Redis.fromEnv(env, { automaticDeserialization: false })
  // The user's sign-in has stored the first one.
  const body = new URLSearchParams({
    grant_type: "refresh_token",
    refresh_token: (await redis.get<string>("refresh-token")) ?? "",
  })
  // Not ended by the signal: the provider may have rotated the token by then.
  signal.throwIfAborted()
  const response = await fetch(env.TOKEN_URL, { method: "POST", body })
  if (!response.ok) throw new Error(`the token was refused: HTTP ${response.status}`)
  const token: Token = await response.json()
  await redis.set("refresh-token", token.refresh_token)
  return token
}

/** AES-GCM: the tokens that callers share are unreadable in the database. */
function cipher(secret: string) {
  const bytesOf = (base64: string) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))
  const usages = ["encrypt", "decrypt"]
  const key = crypto.subtle.importKey("raw", bytesOf(secret), "AES-GCM", false, usages)
  return {
    encrypt: async (text: string): Promise<string> => {
      const iv = crypto.getRandomValues(new Uint8Array(12))
      const data = new TextEncoder().encode(text)
      const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, await key, data)
      return btoa(String.fromCharCode(...iv, ...new Uint8Array(sealed)))
    },
    decrypt: async (text: string): Promise<string> => {
      const all = bytesOf(text)
      const algorithm = { name: "AES-GCM", iv: all.subarray(0, 12) }
      const data = await crypto.subtle.decrypt(algorithm, await key, all.subarray(12))
      return new TextDecoder().decode(data)
    },
  }
}

export default app

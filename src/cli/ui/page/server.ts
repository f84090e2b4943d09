// Asks the server of the page.
import type { SeenLock } from "../../end-holds.js"
import type { State } from "../observer.js"

export class Server {
  readonly #token: string

  constructor(token: string) {
    this.#token = token
  }

  async state(filter: string, page: number): Promise<State> {
    const query = new URLSearchParams({ filter, page: String(page) })
    const { body } = await this.#send(`/api/state?${query.toString()}`)
    return body as State
  }

  async look(name: string): Promise<SeenLock> {
    const { body } = await this.#send("/api/look", { name })
    return body as SeenLock
  }

  /** Ends these holds; returns the lock instead if others hold it by now. */
  async end(name: string, holdIds: readonly string[]): Promise<SeenLock | undefined> {
    const { status, body } = await this.#send("/api/end", { name, holdIds })
    return status === 409 ? (body as SeenLock) : undefined
  }

  async #send(path: string, body?: object): Promise<{ status: number; body: unknown }> {
    const headers = { Authorization: `Bearer ${this.#token}` }
    const init = body ? { method: "POST", body: JSON.stringify(body) } : {}
    let response: Response
    try {
      response = await fetch(path, { ...init, headers })
    } catch {
      throw new Error("`fetchlock ui` does not respond. Has it ended?")
    }
    const reply = (await response.json()) as { error?: string }
    if (!response.ok && response.status !== 409) {
      throw new Error(reply.error ?? `HTTP ${response.status}`)
    }
    return { status: response.status, body: reply }
  }
}

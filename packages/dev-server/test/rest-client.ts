// A minimal REST client: plain fetch, nothing hidden.

export interface RestReply {
  readonly status: number
  readonly body: unknown
}

export class RestClient {
  readonly #url: string
  readonly #token: string

  constructor(url: string, token: string) {
    this.#url = url
    this.#token = token
  }

  /** Sends one command; returns its result, or throws an error with Redis's message. */
  async command(...command: readonly (string | number)[]): Promise<unknown> {
    const { body } = await this.post("/", command)
    const { result, error } = body as { result?: unknown; error?: string }
    if (error !== undefined) throw new Error(error)
    return result
  }

  post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<RestReply> {
    const text = typeof body === "string" ? body : JSON.stringify(body)
    return this.send(path, { method: "POST", body: text, headers })
  }

  get(path: string, headers: Record<string, string> = {}): Promise<RestReply> {
    return this.send(path, { headers })
  }

  async send(path: string, init: RequestInit): Promise<RestReply> {
    const response = await this.raw(path, init)
    const text = await response.text()
    return { status: response.status, body: text === "" ? "" : JSON.parse(text) }
  }

  /** The response itself; the request carries the token. */
  raw(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { Authorization: `Bearer ${this.#token}`, ...(init.headers as object) }
    return fetch(this.#url + path, { ...init, headers })
  }
}

// A Durable Object that is a lock: a waiter keeps a request open until its turn comes; a hold ends with its ttl.

const TTL_MS = 30_000

/** The used part of a namespace's binding: workerd's own types clash with those of Node. */
interface Namespace {
  idFromName(name: string): unknown
  get(id: unknown): { fetch(request: Request): Promise<Response> }
}

export class LockObject {
  readonly #waiting: ((token: string) => void)[] = []
  #holder: { readonly token: string; readonly expiry: ReturnType<typeof setTimeout> } | undefined

  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname.endsWith("/acquire")) return new Response(await this.#acquire())
    this.#release(searchParams.get("token") ?? "")
    return new Response("released")
  }

  async #acquire(): Promise<string> {
    if (!this.#holder) return this.#grant()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #release(token: string): void {
    if (this.#holder?.token !== token) return
    clearTimeout(this.#holder.expiry)
    this.#holder = undefined
    const next = this.#waiting.shift()
    if (next) next(this.#grant())
  }

  #grant(): string {
    const token = crypto.randomUUID()
    const expiry = setTimeout(() => {
      this.#release(token)
    }, TTL_MS)
    this.#holder = { token, expiry }
    return token
  }
}

export default {
  fetch(request: Request, { LOCKS }: { LOCKS: Namespace }): Promise<Response> {
    const [, name = ""] = new URL(request.url).pathname.split("/")
    return LOCKS.get(LOCKS.idFromName(name)).fetch(request)
  },
}

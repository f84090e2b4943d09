// Records HTTP requests: all contenders over HTTP use the global fetch.

/** Runs the work and lists the bodies of the requests that were sent meanwhile. */
export async function recordFetches(work: () => Promise<unknown>): Promise<readonly string[]> {
  const { fetch } = globalThis
  const bodies: string[] = []
  globalThis.fetch = (url, init) => {
    const body = init?.body
    bodies.push(typeof body === "string" ? body : "")
    return fetch(url, init)
  }
  try {
    await work()
  } finally {
    globalThis.fetch = fetch
  }
  return bodies
}

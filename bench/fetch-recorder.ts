// Watches what is sent, whoever sends it: all contenders use the global fetch.

/** Runs the work and lists the bodies of the requests that were sent meanwhile. */
export async function recordFetches(work: () => Promise<void>): Promise<readonly string[]> {
  const { fetch } = globalThis
  const bodies: string[] = []
  globalThis.fetch = (url, init) => {
    bodies.push(init?.body as string)
    return fetch(url, init)
  }
  try {
    await work()
  } finally {
    globalThis.fetch = fetch
  }
  return bodies
}

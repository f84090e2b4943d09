// The limit: bare requests. Also bundled for workerd.

/** Sends the recorded requests, one after the other. */
export async function sendBare(
  { url, token }: { readonly url: string; readonly token: string },
  bodies: readonly string[],
): Promise<void> {
  for (const body of bodies) {
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" }
    const response = await fetch(url, { method: "POST", headers, body })
    await response.text()
  }
}

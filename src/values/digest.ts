// A digest of a text as hexadecimal text: it identifies the text, and does not reveal it.

/** @param algorithm of `crypto.subtle`, such as SHA-256 */
export async function hexDigest(algorithm: string, text: string): Promise<string> {
  const digest = await crypto.subtle.digest(algorithm, new TextEncoder().encode(text))
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("")
}

// Bytes that know their text, made without Node's Buffer: this runs in a browser, too.

export type Encoding = "utf8" | "latin1" | "base64"

/** Node's Buffer is one. */
export interface Bytes extends Uint8Array {
  /** @default "utf8" */
  toString(encoding?: Encoding): string
}

class ByteText extends Uint8Array<ArrayBuffer> implements Bytes {
  override toString(encoding: Encoding = "utf8"): string {
    if (encoding === "utf8") return DECODER.decode(this)
    const text = latin1Of(this)
    return encoding === "latin1" ? text : btoa(text)
  }
}

const ENCODER = new TextEncoder()
/** A byte order mark is text like any other. */
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true })

/** A call may not have more arguments than a browser's stack can hold. */
const CHUNK = 8_192

export function bytesOf(text: string, encoding: "utf8" | "latin1" = "utf8"): ByteText {
  if (encoding === "utf8") return viewOf(ENCODER.encode(text))
  const bytes = new Uint8Array(text.length)
  writeLatin1(text, bytes)
  return viewOf(bytes)
}

/** The same memory, as bytes that know their text. */
export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>): ByteText {
  return new ByteText(buffer, byteOffset, byteLength)
}

export function concatBytes(parts: readonly Uint8Array[]): ByteText {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return viewOf(whole)
}

/** One char per byte. `TextDecoder`'s "latin1" is another encoding. */
export function latin1Of(bytes: Uint8Array): string {
  if (bytes.length <= CHUNK) return charsOf(bytes)
  let text = ""
  for (let at = 0; at < bytes.length; at += CHUNK) text += charsOf(bytes.subarray(at, at + CHUNK))
  return text
}

/** Not by a spread, whose iterator is several times slower. */
function charsOf(bytes: Uint8Array): string {
  return String.fromCharCode.apply(null, bytes as unknown as number[])
}

/** Writes one byte per char into the target, which must have room for all of them. */
export function writeLatin1(text: string, target: Uint8Array, from = 0): void {
  for (let i = 0; i < text.length; i++) target[from + i] = text.charCodeAt(i)
}

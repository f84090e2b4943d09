// SHA-1 of text with one char per byte: scripts need it at once, and a browser's own digest is asynchronous.
// https://www.rfc-editor.org/rfc/rfc3174

const rotate = (word: number, bits: number) => (word << bits) | (word >>> (32 - bits))

/** @returns 40 hexadecimal digits */
export function sha1(text: string): string {
  const words = padded(text)
  const state = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0)
  const schedule = new Int32Array(80)
  for (let block = 0; block < words.length; block += 16) {
    schedule.set(words.subarray(block, block + 16))
    addBlock(state, schedule)
  }
  return [...state].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("")
}

/** The text as big-endian words, with a 1 bit, zeros and its length in bits behind it, in whole blocks of 16 words. */
function padded(text: string): Int32Array {
  const words = new Int32Array(((text.length + 8) >>> 6) * 16 + 16)
  for (let i = 0; i < text.length; i++) {
    const at = i >>> 2
    words[at] = (words[at] ?? 0) | (text.charCodeAt(i) << (24 - (i & 3) * 8))
  }
  const end = text.length >>> 2
  words[end] = (words[end] ?? 0) | (0x80 << (24 - (text.length & 3) * 8))
  words[words.length - 2] = Math.floor(text.length / 2 ** 29)
  words[words.length - 1] = text.length << 3
  return words
}

function addBlock(state: Int32Array, schedule: Int32Array): void {
  const word = (i: number) => schedule[i] ?? 0
  for (let i = 16; i < 80; i++) {
    schedule[i] = rotate(word(i - 3) ^ word(i - 8) ^ word(i - 14) ^ word(i - 16), 1)
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0] = state
  for (let i = 0; i < 80; i++) {
    const next = (rotate(a, 5) + mix(i, b, c, d) + e + word(i)) | 0
    e = d
    d = c
    c = rotate(b, 30)
    b = a
    a = next
  }
  for (const [i, value] of [a, b, c, d, e].entries()) state[i] = ((state[i] ?? 0) + value) | 0
}

function mix(round: number, b: number, c: number, d: number): number {
  if (round < 20) return ((b & c) | (~b & d)) + 0x5a827999
  if (round < 40) return (b ^ c ^ d) + 0x6ed9eba1
  if (round < 60) return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
  return (b ^ c ^ d) + 0xca62c1d6
}

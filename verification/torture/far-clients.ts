// Some clients are far away: what they are told is old when they hear it, and at times too old. Clocks that are read at the wrong
// moment, and answers that are taken seriously too late, show there.

/** How late an answer comes there, without being a fault. */
export const FAR_MS = [50, 250] as const

export function isFar(client: number): boolean {
  return client % 4 === 1
}

// Some clients are far away: replies are old when they arrive, and at times too old. This reveals clocks that are read at the
// wrong moment, and replies that are trusted too late.

/** The delay of a reply to such a client, which does not count as a fault. */
export const FAR_MS = [50, 250] as const

export function isFar(client: number): boolean {
  return client % 4 === 1
}

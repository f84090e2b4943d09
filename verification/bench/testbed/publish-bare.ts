// The limit of a message that many wait for: streams with nothing around them, and one PUBLISH.
import { sendBare } from "./send-bare.js"
import type { Testbed } from "./testbed.js"

/** How long after the PUBLISH was sent each of the streams had the message, in milliseconds. */
export async function publishBare(
  testbed: Testbed,
  streams: number,
  pause: () => Promise<unknown>,
): Promise<readonly number[]> {
  const end = new AbortController()
  const all = await Promise.all(Array.from({ length: streams }, () => open(testbed, end.signal)))
  await pause()
  const startedAt = performance.now()
  const publishing = sendBare(testbed, ['["PUBLISH","bare","value"]'])
  const heardAt = await Promise.all(all.map((next) => next()))
  await publishing
  end.abort()
  return heardAt.map((at) => at - startedAt)
}

/** Opens a stream, and returns what waits for its first message, once it is confirmed. */
async function open({ url, token }: Testbed, signal: AbortSignal): Promise<() => Promise<number>> {
  const headers = { Authorization: `Bearer ${token}`, Accept: "text/event-stream" }
  const { body } = await fetch(`${url}/subscribe/bare`, { method: "POST", headers, signal })
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader()
  const until = async (text: string) => {
    for (;;) {
      const { value } = (await reader?.read()) ?? {}
      if (value === undefined) throw new Error("the stream ended")
      if (value.includes(text)) return performance.now()
    }
  }
  await until("subscribe,")
  return () => until("message,")
}

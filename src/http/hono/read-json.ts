// Reads a request's small JSON object, strictly.
import { show } from "../../values/invalid-argument.js"
import { badRequest } from "./refusal.js"

/**
 * The members of the body; none for a request without a body.
 *
 * @param members those that there may be
 * @throws Refusal
 */
export async function readJson<const Member extends string>(
  request: Request,
  members: readonly Member[],
  maxBytes: number,
): Promise<Partial<Record<Member, unknown>>> {
  const text = await readText(request, maxBytes)
  if (text === "") return {}
  const type = request.headers.get("Content-Type") ?? ""
  if (!/^application\/json *(;|$)/i.test(type)) {
    throw badRequest(`the body must be application/json, got ${show(type)}`, {
      status: 415,
      title: "Unsupported media type",
    })
  }
  const body = parse(text)
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw badRequest(`the body must be a JSON object, got ${show(body)}`)
  }
  for (const member of Object.keys(body)) {
    if (!(members as readonly string[]).includes(member)) {
      throw badRequest(
        `${show(member)} is no member of the body; there may be ${members.join(", ")}`,
      )
    }
  }
  return body
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw badRequest("the body is no JSON")
  }
}

async function readText(request: Request, maxBytes: number): Promise<string> {
  const tooLarge = () =>
    badRequest(`the body must have at most ${maxBytes} bytes`, {
      status: 413,
      title: "Content too large",
    })
  if (Number(request.headers.get("Content-Length")) > maxBytes) throw tooLarge()
  const decoder = new TextDecoder("utf-8", { fatal: true })
  let text = ""
  let bytes = 0
  const reader = request.body?.getReader()
  if (!reader) return text
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return text + decoder.decode()
      bytes += value.length
      if (bytes > maxBytes) throw tooLarge()
      text += decoder.decode(value, { stream: true })
    }
  } catch (error) {
    // The decoder's; a body that breaks off is one that nobody waits for.
    throw error instanceof TypeError ? badRequest("the body is no UTF-8") : error
  } finally {
    // The rest of a body that was refused is not wanted; one that failed has none.
    reader.cancel().catch(() => undefined)
  }
}

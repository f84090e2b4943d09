// Reads commands out of requests: a JSON array, many of them, or a path with query and body behind it.
import type { Argument, Command } from "./engine.js"
import { parseExactly } from "./exact-numbers.js"

/** The request does not say what it should; its message is the answer. */
export class BadRequestError extends Error {
  override readonly name = "BadRequestError"
}

/** `["SET", "key", "value"]` @throws BadRequestError */
export function readCommand(body: string): Command {
  const refusal = "ERR failed to parse command"
  return toCommand(parse(body, refusal), refusal)
}

/** `[["SET", "key", "value"], ["GET", "key"]]` @throws BadRequestError */
export function readCommands(body: string, kind: "pipeline" | "multi-exec"): Command[] {
  const refusal = `ERR failed to parse ${kind} request`
  const commands = parse(body, refusal)
  if (!Array.isArray(commands)) throw new BadRequestError(refusal)
  if (commands.length === 0) throw new BadRequestError(`ERR empty ${kind} request`)
  return commands.map((command: unknown) => toCommand(command, refusal))
}

/** `/set/key/value?EX=100`; a body is the argument behind the path. @throws BadRequestError */
export function readPath(url: URL, body: Buffer): Command {
  const segments = url.pathname.replace(/^\/|\/$/g, "").split("/")
  const command: Argument[] = segments.map(decode)
  if (command[0] === "") throw new BadRequestError("ERR empty command")
  if (body.length > 0) command.push(body)
  for (const [name, value] of url.searchParams) {
    if (name === "_token") continue
    command.push(name)
    if (value !== "") command.push(value)
  }
  return command
}

/** The parts of a path behind its first: the channels of `/subscribe/a/b`. @throws BadRequestError */
export function readTopics(url: URL): string[] {
  const [, ...names] = url.pathname.replace(/^\/|\/$/g, "").split("/")
  return names.map(decode)
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw new BadRequestError("ERR failed to parse the path: it is not valid percent-encoding")
  }
}

function parse(body: string, refusal: string): unknown {
  try {
    return parseExactly(body)
  } catch {
    throw new BadRequestError(refusal)
  }
}

function toCommand(parts: unknown, refusal: string): Command {
  if (!Array.isArray(parts)) throw new BadRequestError(refusal)
  if (parts.length === 0) throw new BadRequestError("ERR empty command")
  return parts.map((part: unknown, i) => {
    if (typeof part === "string") return part
    if (typeof part === "boolean") return String(part)
    throw new BadRequestError(`${refusal}: argument ${i} is neither text nor a number`)
  })
}

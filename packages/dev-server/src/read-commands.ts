// Reads commands from requests: a JSON array, an array of them, or a path followed by the query and the body.
import type { Bytes } from "./bytes.js"
import type { Argument, Command } from "./engine.js"
import { parseExactly } from "./exact-numbers.js"

/** The request is malformed; the message is the answer. */
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

/** `/set/key/value?EX=100`; a body is the argument after the path. @throws BadRequestError */
export function readPath(url: URL, body: Bytes): Command {
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

/** The segments of a path after its first: the channels of `/subscribe/a/b`. @throws BadRequestError */
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
    throw new BadRequestError(`${refusal}: argument ${i} must be a string, a number or a boolean`)
  })
}

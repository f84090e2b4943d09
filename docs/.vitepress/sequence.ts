// Draws sequence diagrams as SVG while the site is built: the part of Mermaid's language that the pages use. GitHub draws the same text.
import type { MarkdownRenderer } from "vitepress"

type Step =
  | {
      readonly kind: "message"
      readonly from: number
      readonly to: number
      readonly text: string
      readonly isReply: boolean
      readonly isLost: boolean
    }
  | { readonly kind: "note"; readonly over: readonly number[]; readonly text: string }

interface Diagram {
  readonly title: string
  readonly participants: readonly { readonly id: string; readonly text: string }[]
  readonly steps: readonly Step[]
}

const MESSAGE = /^(\w+)(--?)(>>|x)(\w+): (.+)$/
const NOTE = /^Note over (\w+)(?:,(\w+))?: (.+)$/
const PARTICIPANT = /^participant (\w+) as (.+)$/
const TITLE = /^accTitle: (.+)$/

/** Renders fenced blocks of the language `mermaid`. */
export function sequenceDiagrams(md: MarkdownRenderer): void {
  const { fence } = md.renderer.rules
  if (!fence) throw new Error("there is no rule for fenced blocks")
  md.renderer.rules.fence = (tokens, index, ...rest) => {
    const token = tokens[index]
    return token?.info === "mermaid" ? draw(parse(token.content)) : fence(tokens, index, ...rest)
  }
}

/** @throws Error for a line of the language that is not supported here */
function parse(source: string): Diagram {
  const [kind, ...lines] = source
    .trim()
    .split("\n")
    .map((line) => line.trim())
  if (kind !== "sequenceDiagram")
    throw new Error(`diagram: must be a sequenceDiagram, got ${String(kind)}`)
  const participants: { id: string; text: string }[] = []
  const steps: Step[] = []
  let title: string | undefined
  const indexOf = (id = "") => {
    const index = participants.findIndex((one) => one.id === id)
    if (index < 0) throw new Error(`diagram: unknown participant "${id}"`)
    return index
  }
  for (const line of lines) {
    const message = MESSAGE.exec(line)
    const note = NOTE.exec(line)
    const participant = PARTICIPANT.exec(line)
    const named = TITLE.exec(line)
    if (message) {
      const [, from, dashes, end, to, text = ""] = message
      const way = { from: indexOf(from), to: indexOf(to) }
      steps.push({ kind: "message", ...way, text, isReply: dashes === "--", isLost: end === "x" })
    } else if (note) {
      const [, first, last, text = ""] = note
      steps.push({ kind: "note", over: [indexOf(first), indexOf(last ?? first)], text })
    } else if (participant)
      participants.push({ id: participant[1] ?? "", text: participant[2] ?? "" })
    else if (named) title = named[1]
    else throw new Error(`diagram: cannot read "${line}"`)
  }
  if (!title) throw new Error("diagram: must have an accTitle")
  return { title, participants, steps }
}

/** The width for a participant, at most, for all of them, and of the space at the sides. */
const COLUMN = 200
const COLUMNS = 640
const MARGIN = 60
const HEAD = 34
const ROW = { message: 42, note: 38 }

function draw({ title, participants, steps }: Diagram): string {
  const column = Math.min(COLUMN, COLUMNS / participants.length)
  const width = participants.length * column + MARGIN
  const x = (index: number) => MARGIN / 2 + column * (index + 0.5)
  const parts: string[] = []
  let y = HEAD + 14
  for (const step of steps) {
    parts.push(step.kind === "message" ? arrow(step, x, y + 24) : box(step, x, width, y + 8))
    y += ROW[step.kind]
  }
  const height = y + 10
  const lifelines = participants.map(
    (_, index) =>
      `<line class="life" x1="${x(index)}" x2="${x(index)}" y1="${HEAD}" y2="${height}" />`,
  )
  const heads = participants.map(({ text }, index) => {
    const room = Math.min(column - 12, 24 + text.length * 8)
    return (
      `<rect class="head" x="${x(index) - room / 2}" y="1" width="${room}" height="${HEAD - 4}" rx="6" />` +
      `<text class="name" x="${x(index)}" y="20">${escape(text)}</text>`
    )
  })
  const content = [...lifelines, ...heads, ...parts].join("")
  return (
    `<div class="diagram" tabindex="0" role="group" aria-label="${escape(title)}">` +
    `<svg viewBox="0 0 ${width} ${height}" style="min-width: ${width * 0.8}px; max-width: ${width}px" role="img" aria-label="${escape(describe({ title, participants, steps }))}">` +
    `${content}</svg></div>\n`
  )
}

function arrow(step: Step & { kind: "message" }, x: (index: number) => number, y: number): string {
  const [start, target] = [x(step.from), x(step.to)]
  const way = Math.sign(target - start)
  const end = step.isLost ? start + (target - start) * 0.55 : target - way * 2
  const style = step.isReply ? "arrow reply" : "arrow"
  const tip = step.isLost
    ? `<path class="lost" d="M${end - 5} ${y - 5}l10 10m0-10l-10 10" />`
    : `<path class="tip" d="M${end} ${y}l${-way * 8}-4v8z" />`
  return (
    `<line class="${style}" x1="${start}" x2="${end - (step.isLost ? 0 : way * 6)}" y1="${y}" y2="${y}" />${tip}` +
    `<text class="text" x="${(start + (step.isLost ? end : target)) / 2}" y="${y - 7}">${escape(step.text)}</text>`
  )
}

function box(
  { over, text }: Step & { kind: "note" },
  x: (index: number) => number,
  space: number,
  y: number,
): string {
  const [first = 0, last = first] = over
  const center = (x(first) + x(last)) / 2
  const width = Math.max(x(last) - x(first) + 60, text.length * 7.4 + 20)
  const left = Math.max(2, Math.min(space - width - 2, center - width / 2))
  return (
    `<rect class="note" x="${left}" y="${y}" width="${width}" height="24" rx="4" />` +
    `<text class="noted" x="${left + width / 2}" y="${y + 16.5}">${escape(text)}</text>`
  )
}

/** The diagram in words, for readers who do not see it. */
function describe({ title, participants, steps }: Diagram): string {
  const name = (index: number) => participants[index]?.text ?? ""
  const lines = steps.map((step) =>
    step.kind === "message"
      ? `${name(step.from)} to ${name(step.to)}: ${step.text}`
      : `${step.over
          .map(name)
          .join(", ")
          .replace(/^(.*), \1$/, "$1")}: ${step.text}`,
  )
  return [title, ...lines].join(". ")
}

function escape(text: string): string {
  return text
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;")
}

// Reads the programs out of a Markdown file.
import { readFileSync } from "node:fs"

/** A fenced block of TypeScript. */
export interface Snippet {
  readonly code: string
  /** The place of the snippet, for error messages. */
  readonly place: string
  /** Whether it is a Worker, as marked by the word behind the language. */
  readonly isWorker: boolean
}

export function readSnippets(file: string): Snippet[] {
  const text = readFileSync(file, "utf8")
  return [...text.matchAll(/^```ts(?<label>.*)\n(?<code>[^]*?)^```$/gm)].map((match) => ({
    code: match.groups?.["code"] ?? "",
    place: `${file}:${text.slice(0, match.index).split("\n").length}`,
    isWorker: match.groups?.["label"]?.trim() === "worker",
  }))
}

// Writes results to stdout.
import { OutputError } from "./failure.js"

/** Resolves when everything is written, so that the process may end. */
export async function printText(text: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    process.stdout.once("error", (error: NodeJS.ErrnoException) => {
      // A reader such as `head` may have read enough.
      if (error.code === "EPIPE") resolve()
      else reject(new OutputError(`cannot write the output: ${error.code ?? error.message}`))
    })
    process.stdout.write(text, (error) => {
      if (!error) resolve()
    })
  })
}

/** One line; controls are escaped, so that it is safe on a terminal as well. */
export function printJson(value: unknown): Promise<void> {
  const json = JSON.stringify(value).replace(
    /[\u007f-\u009f\p{Cf}\u2028\u2029]/gu,
    // JSON escapes characters beyond U+FFFF as two code units.
    (character) =>
      Array.from({ length: character.length }, (_, at) => {
        return `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`
      }).join(""),
  )
  return printText(`${json}\n`)
}

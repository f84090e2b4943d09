// Lists the pages of the documentation.
import { readdirSync } from "node:fs"
import { join } from "node:path"

/** Generated, or of other packages. */
const LEFT_OUT = new Set(["api", "node_modules", ".vitepress"])

/** The Markdown files in docs, in its folders as well. */
export function pagesOfDocs(folder = "docs"): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return LEFT_OUT.has(entry.name) ? [] : pagesOfDocs(path)
    return entry.name.endsWith(".md") ? [path] : []
  })
}

// The built site, read as files.
import { readdirSync, readFileSync } from "node:fs"
import { join, relative } from "node:path"

export const DIST = "docs/.vitepress/dist"

/** Each page of the built site: its address without the extension, and its HTML. */
export function builtPages(folder = DIST): Map<string, string> {
  const pages = new Map<string, string>()
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name)
    if (!entry.isFile() || !file.endsWith(".html")) continue
    const page = relative(folder, file).replace(/\.html$/, "")
    if (page !== "404") pages.set(page, readFileSync(file, "utf8"))
  }
  return pages
}

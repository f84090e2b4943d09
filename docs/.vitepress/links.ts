// Makes the links of pages that lead out of docs, to the code and its examples, lead to the repository.
import { existsSync } from "node:fs"
import { dirname, relative, resolve } from "node:path"
import type { MarkdownRenderer } from "vitepress"

const ROOT = resolve(import.meta.dirname, "../..")
const DOCS = resolve(ROOT, "docs")
export const REPOSITORY = "https://github.com/fetchlock/fetchlock"

/** @throws Error if a page links to a file of the repository that does not exist */
export function repositoryLinks(md: MarkdownRenderer): void {
  md.core.ruler.push("repository-links", ({ tokens, env }) => {
    const { path } = env as { path: string }
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      const href = token.type === "link_open" ? token.attrGet("href") : null
      if (!href?.startsWith(".")) continue
      const [file = "", fragment] = href.split("#")
      const target = resolve(dirname(path), decodeURI(file))
      if (!relative(DOCS, target).startsWith("..")) continue
      if (!existsSync(target)) throw new Error(`${path}: links to ${href}, which does not exist`)
      const url = `${REPOSITORY}/blob/main/${relative(ROOT, target)}`
      token.attrSet("href", fragment ? `${url}#${fragment}` : url)
    }
  })
}

/** The fragment of a heading, as on GitHub, so that a link works in both places. */
export function slugOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replace(/\s/g, "-")
}

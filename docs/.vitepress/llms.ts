// Writes llms.txt, a list of the pages for language models, and llms-full.txt, the pages themselves.
import { readFileSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { SECTIONS } from "./navigation.js"

const DOCS = resolve(import.meta.dirname, "..")

export function writeLlmsTexts(outDir: string, summary: string): void {
  const list = SECTIONS.map(({ text, pages }) => {
    const links = pages.map((page) => `- [${page.text}](/${page.page.replace(/\/index$/, "/")})`)
    return `## ${text}\n\n${links.join("\n")}\n`
  })
  writeFileSync(join(outDir, "llms.txt"), [`# fetchlock\n\n> ${summary}\n`, ...list].join("\n"))
  const pages = SECTIONS.flatMap((section) => section.pages).map(({ page }) => sourceOf(page))
  writeFileSync(join(outDir, "llms-full.txt"), pages.join("\n\n---\n\n"))
}

/** The Markdown of a page, with the programs that it includes. */
function sourceOf(page: string): string {
  return readFileSync(join(DOCS, `${page}.md`), "utf8")
    .replace(/^---\n[^]*?\n---\n/, "")
    .replace(/^<script setup>\n[^]*?^<\/script>\n/m, "")
    .replace(/^<[A-Z]\w+ \/>\n/gm, "")
    .replace(/^<<< @\/(\S+)$/gm, (_, path: string) => {
      return `\`\`\`ts\n${readFileSync(join(DOCS, path), "utf8")}\`\`\``
    })
    .trim()
}

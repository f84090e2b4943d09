// Puts the drawings of docs/diagrams into their pages, so that they have the colors of the page. GitHub shows them as pictures.
import { readFileSync } from "node:fs"
import { dirname, resolve } from "node:path"
import type { MarkdownRenderer } from "vitepress"

export function drawings(md: MarkdownRenderer): void {
  const { image } = md.renderer.rules
  if (!image) throw new Error("there is no rule for images")
  md.renderer.rules.image = (tokens, index, options, env, self) => {
    const token = tokens[index]
    const source = token?.attrGet("src") ?? ""
    if (!source.includes("diagrams/")) return image(tokens, index, options, env, self)
    const { path } = env as { path: string }
    const svg = readFileSync(resolve(dirname(path), source), "utf8").replace(/<!--[^]*?-->\n?/g, "")
    const label = md.utils.escapeHtml(token?.content ?? "")
    // Without empty lines, which would end the block of HTML.
    const drawing = svg
      .trim()
      .replace(/\n\s*/g, "")
      .replace("<svg ", `<svg role="img" aria-label="${label}" `)
    return `<span class="diagram" tabindex="0" role="group" aria-label="Diagram">${drawing}</span>`
  }
}

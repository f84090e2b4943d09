// The documentation site: npm run docs serves it, npm run docs:build builds it.
import { readFileSync } from "node:fs"
import { type DefaultTheme, defineConfig, type Plugin } from "vitepress"
import { drawings } from "./drawings.js"
import { REPOSITORY, repositoryLinks, slugOf } from "./links.js"
import { writeLlmsTexts } from "./llms.js"
import { apiModules, type Page, SECTIONS } from "./navigation.js"
import { sequenceDiagrams } from "./sequence.js"

const DESCRIPTION =
  "A distributed lock for code that has only fetch: Cloudflare Workers, Vercel, Deno, Bun and Node, over Redis's REST API."

const ICON = { rel: "icon", type: "image/svg+xml", href: "/logo.svg" }

/** While pages are edited, VitePress adds its `head` too late for a browser that looks for an icon. */
const iconWhileEditing: Plugin = {
  name: "icon-while-editing",
  apply: "serve",
  transformIndexHtml: () => [{ tag: "link", attrs: ICON, injectTo: "head" }],
}

const linkTo = ({ text, page }: Page): DefaultTheme.SidebarItem => ({
  text,
  link: `/${page.replace(/(?<=^|\/)index$/, "")}`,
})

const sidebar = SECTIONS.map(({ text, pages }) => ({ text, items: pages.map(linkTo) }))
const apiSidebar = apiModules().map((module) => ({
  ...linkTo(module),
  collapsed: module.text !== "fetchlock",
  items: module.pages.map(linkTo),
}))

export default defineConfig({
  title: "fetchlock",
  description: DESCRIPTION,
  lang: "en-US",
  cleanUrls: true,
  transformPageData: ({ description, filePath }) => ({
    description: description || firstParagraphOf(filePath) || DESCRIPTION,
  }),
  srcExclude: ["node_modules", "test"],
  head: [["link", ICON]],
  markdown: {
    config: (md) => {
      repositoryLinks(md)
      sequenceDiagrams(md)
      drawings(md)
    },
    anchor: { slugify: slugOf },
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
  },
  // The index of the search, which is loaded when a reader searches.
  vite: { build: { chunkSizeWarningLimit: 2_000 }, plugins: [iconWhileEditing] },
  buildEnd: ({ outDir }) => {
    writeLlmsTexts(outDir, DESCRIPTION)
  },
  themeConfig: {
    logo: "/logo.svg",
    nav: [
      { text: "Start", link: "/getting-started" },
      { text: "Guides", link: "/guides/token-refresh", activeMatch: "^/guides/" },
      { text: "Concepts", link: "/concepts/holds", activeMatch: "^/concepts/" },
      { text: "Reference", link: "/reference", activeMatch: "^/(reference|api/)" },
      { text: "Compare", link: "/comparison" },
      { text: "GitHub", link: REPOSITORY },
    ],
    sidebar: {
      "/api/": [
        { text: "Reference", items: [{ text: "Options, errors and events", link: "/reference" }] },
        ...apiSidebar,
      ],
      "/": sidebar,
    },
    outline: { level: [2, 3] },
    search: { provider: "local" },
    editLink: { pattern: `${REPOSITORY}/edit/main/docs/:path` },
    footer: { message: "MIT license" },
  },
})

/** The description of a page, for search engines and previews. */
function firstParagraphOf(file: string): string {
  const source = readFileSync(new URL(`../${file}`, import.meta.url), "utf8")
  const [, paragraph = ""] = /^# .*\n\n([A-Z`][^]*?)\n\n/m.exec(source) ?? []
  return paragraph
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/[`*_]/g, "")
    .replace(/\s+/g, " ")
    .trim()
}

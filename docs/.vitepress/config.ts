// The documentation site: npm run docs serves it, npm run docs:build builds it.
import { type DefaultTheme, defineConfig } from "vitepress"
import { REPOSITORY, repositoryLinks } from "./links.js"
import { apiModules, type Page, SECTIONS } from "./navigation.js"

const DESCRIPTION =
  "A distributed lock for code that has only fetch: Cloudflare Workers, Vercel, Deno, Bun and Node, over Redis's REST API."

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
  srcExclude: ["node_modules", "test"],
  head: [["link", { rel: "icon", type: "image/svg+xml", href: "/logo.svg" }]],
  markdown: {
    config: repositoryLinks,
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
  },
  themeConfig: {
    logo: "/logo.svg",
    nav: [
      { text: "Guides", link: "/once", activeMatch: "^/(once|idempotency|http)" },
      { text: "Reference", link: "/reference", activeMatch: "^/(reference|api/)" },
      { text: "Proof", link: "/torture" },
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
    socialLinks: [{ icon: "github", link: REPOSITORY }],
    editLink: { pattern: `${REPOSITORY}/edit/main/docs/:path` },
    footer: { message: "MIT license" },
  },
})

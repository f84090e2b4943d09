// The pages of the site in reading order: the sidebar, llms.txt and the tests are derived from it.
import { readFileSync } from "node:fs"

export interface Page {
  readonly text: string
  /** The path of its Markdown file below docs, without the extension. */
  readonly page: string
}

export interface Section {
  readonly text: string
  readonly pages: readonly Page[]
}

export const SECTIONS: readonly Section[] = [
  {
    text: "Start",
    pages: [
      { text: "Get started", page: "getting-started" },
      { text: "Playground", page: "playground" },
      { text: "Everyday calls", page: "tasks" },
      { text: "Platforms", page: "platforms" },
      { text: "TypeScript and CommonJS", page: "typescript" },
      { text: "Compare", page: "comparison" },
      { text: "Migrate", page: "migration" },
    ],
  },
  {
    text: "Guides",
    pages: [
      { text: "Refresh a token once", page: "guides/token-refresh" },
      { text: "Handle a webhook once", page: "guides/webhook" },
      { text: "Run a cron job once", page: "guides/cron" },
      { text: "One reply at a time", page: "guides/one-reply-at-a-time" },
      { text: "Limit concurrency", page: "guides/concurrency-limit" },
      { text: "Elect a leader", page: "leader" },
      { text: "Deploys and scripts", page: "cli" },
      { text: "Idempotent routes", page: "idempotency" },
      { text: "Guard requests", page: "http" },
      { text: "Run once, share the result", page: "once" },
      { text: "Web Locks", page: "web-locks" },
      { text: "Next.js", page: "nextjs" },
      { text: "Shut down a server", page: "shutdown" },
      { text: "Observe", page: "observability" },
      { text: "From Python locks", page: "coming-from-python" },
      { text: "Recipes: whole programs", page: "recipes" },
    ],
  },
  {
    text: "Concepts",
    pages: [
      { text: "Holds and validity", page: "concepts/holds" },
      { text: "Queue and hand-off", page: "concepts/queue" },
      { text: "Fencing tokens", page: "concepts/fencing" },
      { text: "Several databases", page: "quorum" },
      { text: "Promises", page: "safety" },
      { text: "Security", page: "security" },
    ],
  },
  {
    text: "Reference",
    pages: [
      { text: "Options, errors and events", page: "reference" },
      { text: "API, from the types", page: "api/index" },
      { text: "Troubleshooting", page: "troubleshooting" },
      { text: "Costs", page: "costs" },
    ],
  },
  {
    text: "Proof",
    pages: [
      { text: "Performance", page: "performance" },
      { text: "How the scripts work", page: "scripts" },
      { text: "Torture test", page: "torture" },
      { text: "Fault tests", page: "chaos" },
      { text: "Exploration", page: "exploration" },
      { text: "Mutation tests", page: "mutation" },
    ],
  },
]

/** Pages to which the navigation bar leads, not the sidebar. */
export const IN_THE_BAR: readonly string[] = ["index"]

/** An entry of the list that TypeDoc writes. */
interface ApiEntry {
  readonly title: string
  readonly path?: string
  readonly children?: readonly ApiEntry[]
}

export interface ApiModule {
  /** As users import it: "fetchlock/once". */
  readonly text: string
  readonly page: string
  readonly pages: readonly Page[]
}

/** The generated reference: its modules, and a page for each public name. */
export function apiModules(): ApiModule[] {
  const file = new URL("../api/navigation.json", import.meta.url)
  const list = JSON.parse(readFileSync(file, "utf8")) as ApiEntry[]
  const isModule = ({ path }: ApiEntry) => path?.endsWith("/index.md") === true
  const modules = list.flatMap((root) => [root, ...(root.children ?? []).filter(isModule)])
  return modules.map((module) => ({
    text: module === list[0] ? module.title : `fetchlock/${module.title}`,
    page: pageOf(module),
    pages: (module.children ?? [])
      .filter((child) => !isModule(child))
      .flatMap((group) => group.children ?? [])
      .map((entry) => ({ text: entry.title, page: pageOf(entry) }))
      .sort((a, b) => a.text.localeCompare(b.text, "en")),
  }))
}

function pageOf({ path = "" }: ApiEntry): string {
  return `api/${path.replace(/\.md$/, "")}`
}

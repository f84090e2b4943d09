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
    text: "Guides",
    pages: [
      { text: "Once, and share the result", page: "once" },
      { text: "Idempotent routes", page: "idempotency" },
      { text: "Guard requests", page: "http" },
      { text: "Leader election", page: "leader" },
      { text: "Deploys and scripts", page: "cli" },
      { text: "Web Locks", page: "web-locks" },
      { text: "Shut down", page: "shutdown" },
      { text: "Observe", page: "observability" },
    ],
  },
  {
    text: "Concepts",
    pages: [
      { text: "Promises", page: "safety" },
      { text: "Several databases", page: "quorum" },
      { text: "Security", page: "security" },
    ],
  },
  {
    text: "Reference",
    pages: [
      { text: "Options, errors and events", page: "reference" },
      { text: "API, from the types", page: "api/index" },
    ],
  },
  {
    text: "Platforms",
    pages: [
      { text: "Next.js", page: "nextjs" },
      { text: "TypeScript and CommonJS", page: "typescript" },
      { text: "From Python locks", page: "coming-from-python" },
    ],
  },
  {
    text: "Proof",
    pages: [
      { text: "Performance", page: "performance" },
      { text: "Torture test", page: "torture" },
      { text: "Fault tests", page: "chaos" },
      { text: "Exploration", page: "exploration" },
      { text: "Mutation tests", page: "mutation" },
      { text: "Scripts and their cost", page: "scripts" },
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

// The source of the Next.js projects: each place where code runs, with each setting that lets Next cache its requests.

/** How the exercise of a case is called. "built": it runs in the build, and takes its lock only there. */
export type Ask = "GET" | "POST" | "action" | "built"

export interface Case {
  /** Its name in the results, and the name of its lock. */
  readonly name: string
  readonly path: string
  readonly ask: Ask
}

export interface Site {
  readonly cases: readonly Case[]
  /** By path in the project. */
  readonly files: Readonly<Record<string, string>>
}

interface Place {
  /** Lines of the file, such as `export const revalidate = 1`. */
  readonly config?: readonly string[]
  readonly client?: Client
}

type Client = "built-in" | "@upstash/redis"
type Runtime = "nodejs" | "edge"

/** A case with the file of its path. */
interface Source extends Case {
  readonly file: string
  readonly code: string
}

const pathOf = (name: string) => name.replaceAll(/[^\w]+/g, "-").toLowerCase()

function imports({ client }: Place): string[] {
  return [
    `import { encode, exercise } from "../../exercise"`,
    ...(client === "@upstash/redis" ? [`import { Redis } from "@upstash/redis"`] : []),
  ]
}

const call = (name: string, { client }: Place) =>
  `exercise(${JSON.stringify(name)}${client === "@upstash/redis" ? ", Redis.fromEnv()" : ""})`

/** @param before statements before the lock; @param after statements after it */
function handler(ask: "GET" | "POST", name: string, place: Place, before = "", after = ""): Source {
  const path = pathOf(name)
  const code = [
    ...imports(place),
    ...(place.config ?? []),
    `export async function ${ask}(request: Request) {`,
    `  ${before}`,
    `  const report = await ${call(name, place)}`,
    `  ${after}`,
    `  return new Response(encode(report))`,
    `}`,
  ].join("\n")
  return { name, path, ask, file: `app/${path}/route.ts`, code }
}

function page(name: string, place: Place, before = ""): Source {
  const path = pathOf(name)
  const code = [
    `import { Suspense } from "react"`,
    ...imports(place),
    ...(place.config ?? []),
    `async function Report() {`,
    `  ${before}`,
    `  return <p>{encode(await ${call(name, place)})}</p>`,
    `}`,
    `export default function Page() {`,
    `  return <Suspense><Report /></Suspense>`,
    `}`,
  ].join("\n")
  return { name, path, ask: "GET", file: `app/${path}/page.tsx`, code }
}

function action(name: string, place: Place): readonly [Source, Readonly<Record<string, string>>] {
  const path = pathOf(name)
  const code = [
    `import { act } from "./act"`,
    ...(place.config ?? []),
    `export default function Page() {`,
    `  return <form action={act as unknown as () => Promise<void>}><button>act</button></form>`,
    `}`,
  ].join("\n")
  const act = [
    `"use server"`,
    ...imports(place),
    `export async function act(): Promise<string> {`,
    `  return encode(await ${call(name, place)})`,
    `}`,
  ].join("\n")
  const source: Source = { name, path, ask: "action", file: `app/${path}/page.tsx`, code }
  return [source, { [`app/${path}/act.ts`]: act }]
}

const BUILT = `const locks = () => LockManager.fromEnv()
const time = () => locks().request("built", () => Date.now())`

/** A handler and a page that are rendered by the build: each returns the time at which it held its lock. */
function built(major: number): readonly Source[] {
  const route = (config: string) => [
    `import { LockManager } from "fetchlock"`,
    config,
    BUILT,
    `export async function GET() {`,
    `  return new Response("time:" + await time())`,
    `}`,
  ]
  const component = [
    `import { LockManager } from "fetchlock"`,
    BUILT,
    `export default async function Page() {`,
    `  return <p>{"time:" + await time()}</p>`,
    `}`,
  ]
  const source = (name: string, file: string, code: readonly string[]): Source => {
    const path = pathOf(name)
    return { name, path, ask: "built", file: `app/${path}/${file}`, code: code.join("\n") }
  }
  return [
    source(
      "force-static route, once at build",
      "route.ts",
      route(`export const dynamic = "force-static"`),
    ),
    source("server component, once at build", "page.tsx", component),
    // Later versions run this one for each request.
    ...(major === 14
      ? [source("GET that reads nothing, once at build", "route.ts", route(""))]
      : []),
  ]
}

/** Middleware answers a path that nothing else serves. */
function middleware(name: string, major: number): Source {
  const path = pathOf(name)
  const called = major >= 16 ? "proxy" : "middleware"
  const code = [
    `import { encode, exercise } from "./exercise"`,
    `export async function ${called}(): Promise<Response> {`,
    `  return new Response(encode(await ${call(name, {})}))`,
    `}`,
    `export const config = { matcher: "/${path}" }`,
  ].join("\n")
  return { name, path, ask: "GET", file: `${called}.ts`, code }
}

const LAYOUT = `export default function Layout({ children }: { children: React.ReactNode }) {
  return <html><body>{children}</body></html>
}`

function site(
  sources: readonly Source[],
  config: string,
  others: Readonly<Record<string, string>>,
): Site {
  const files = Object.fromEntries(sources.map(({ file, code }) => [file, code]))
  const fixed = { "app/layout.tsx": LAYOUT, "next.config.mjs": `export default ${config}` }
  return {
    cases: sources.map(({ name, path, ask }) => ({ name, path, ask })),
    files: { ...fixed, ...others, ...files },
  }
}

/** Reads the request after the lock: then the handler runs for each request, and its own requests may be cached. */
const READS_LATE = "void request.headers.get('x')"

function handlers(client: Client): Source[] {
  const by = client === "built-in" ? "" : `, ${client}`
  const runtimes: readonly Runtime[] = client === "built-in" ? ["nodejs", "edge"] : ["nodejs"]
  return runtimes.flatMap((runtime) => {
    const place = (...lines: string[]) => ({
      client,
      config: [`export const runtime = "${runtime}"`, ...lines],
    })
    const default_ = place(`export const fetchCache = "default-cache"`)
    const force = place(`export const fetchCache = "force-cache"`)
    const at = `${runtime}${by}`
    return [
      handler("GET", `GET, ${at}`, place(), "", READS_LATE),
      handler("POST", `POST, ${at}`, place()),
      handler("GET", `GET, default-cache, ${at}`, default_, "", READS_LATE),
      handler("POST", `POST, default-cache, ${at}`, default_),
      handler("GET", `GET, force-cache, ${at}`, force, "", READS_LATE),
      handler("POST", `POST, force-cache, ${at}`, force),
    ]
  })
}

/** The cases of every version. */
export function segmentSite(major: number): Site {
  // Longer than a hold. The page that the build rendered is older than this, or soon will be.
  const revalidate = { config: ["export const revalidate = 9"] }
  const upstash = { ...revalidate, client: "@upstash/redis" } as const
  const force = { config: [`export const fetchCache = "force-cache"`] }
  const [plainAction, plainFiles] = action("server action", {})
  const [forcedAction, forcedFiles] = action("server action, force-cache", force)
  const sources = [
    ...handlers("built-in"),
    ...handlers("@upstash/redis"),
    handler("GET", "GET, revalidate", revalidate),
    page("ISR page", revalidate),
    page("ISR page, @upstash/redis", upstash),
    page("dynamic page", { config: [`export const dynamic = "force-dynamic"`] }),
    plainAction,
    forcedAction,
    middleware("middleware", major),
    ...built(major),
  ]
  return site(sources, "{}", { ...plainFiles, ...forcedFiles })
}

/** The cases with `cacheComponents`, which allows no segment settings. */
export function cacheComponentsSite(): Site {
  const [act, files] = action("cacheComponents, server action", {})
  const connection = {
    config: [`import { connection } from "next/server"`],
  }
  const sources = [
    handler("GET", "cacheComponents, GET", {}, "", READS_LATE),
    handler("POST", "cacheComponents, POST", {}),
    page("cacheComponents, page after connection()", connection, "await connection()"),
    act,
  ]
  return site(sources, "{ cacheComponents: true }", files)
}

// Checks texts for plain English: prose in Markdown and YAML, comments and strings in code, comments and names in tests.
// Prints each finding as file:line, the phrase and a replacement; exits with 1 if there is one.
//
//   node scripts/check-words.mjs           what must pass
//   node scripts/check-words.mjs --next    what is reworded next
//   node scripts/check-words.mjs docs      these files or folders alone
//   … --count                              the number of findings in each folder
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { createRequire } from "node:module"
import { extname, join, relative } from "node:path"

/** Files and folders that must pass. To widen the check, move an entry here from `NEXT`. */
const CHECKED = [
  "README.md",
  "SECURITY.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  ".github",
  "demo",
  "docs",
  "examples",
  "packages/dev-server/README.md",
  "packages/dev-server/src",
  "packages/dev-server/test",
  "scripts",
  "src",
  "test",
  "verification",
]

/** Files and folders that are reworded next. */
const NEXT = []

/** Generated, or not prose. */
const IGNORED = [
  "docs/.vitepress/cache",
  "docs/.vitepress/dist",
  "docs/api",
  "docs/benchmark",
  "docs/node_modules",
  "src/redis/lua/scripts.ts",
]

/** Text that may stay as it is, and why. One that no longer occurs is a finding. */
const EXCEPTIONS = [
  {
    file: "packages/dev-server/src/embedded/lua-json.ts",
    text: /Cannot serialise/g,
    reason: "the messages of lua-cjson",
  },
  {
    file: "verification/torture/trouble/faults.ts",
    text: /doubled/g,
    reason: "a kind of fault in test/support/fault-proxy.ts",
  },
]

/** In tests only names are checked, since other strings are data, or messages that a test expects. */
const TEST = /(?:^|\/)test\//
/** Functions whose first argument is a name. */
const NAMING = new Set(["describe", "describeOnRedis", "describeVariants", "test", "it", "bench"])
/** Properties that a table of tests inserts into its names. */
const NAME_PROPERTIES = new Set(["breaks", "claim", "harm", "rule", "what"])

/** Phrases and their replacements. A space stands for any white space, also a line break within a comment. */
const PATTERNS = [
  // Clauses that English does not build.
  [
    /(?<!there )\b(?:is|are|was|were) no (?!longer|more|less|fewer|greater|earlier|later|shorter|sooner|worse|better)\w+/gi,
    "is not a(n) …",
  ],
  [/(?<!there )\b(?:is|are|was|were) none\b/g, "is not one of …; is not a(n) …"],
  [/\bWho [^\0.;:|?]+(?![^\0.;:|]*\?)/g, "A caller that …; If you …"],
  [/\bwho(?:m)?ever\b/gi, "anyone who …; a caller that …"],
  [
    /\bWhat (?:is|are|was|were|has|had|can|cannot|must|may|goes|comes|waits|travels|happens|fails|stands|belongs|follows|decides|proves)\b[^\0.?]*(?![^\0.?]*\?)/g,
    "name the thing: The work that …; An option that …",
    { headings: false },
  ],
  [/\b(?:what|that|which) goes on\b/gi, "the work that continues"],
  [/(?<=^|[*/\0] |\. )(?:Given|Told) (?:what|of|the|each|that|how|whether)\b/gm, "Receives …"],
  [/\b(?:nothing|nobody|none|no \w+) but\b/gi, "only"],
  [/\bbut for\b/gi, "except"],
  [/\b(?:can|could|to) be had\b/gi, "is available"],
  // Words that mean something else, or nothing, to a reader from the field.
  [/\bso many\b/gi, "the number of …; at most N"],
  [/\b(?:for|at least) so long\b/gi, "for at least the given time"],
  [/\bwhole numbers?\b/gi, "a positive integer; an integer ≥ N"],
  [/\bfrom \d+ on\b/gi, "≥ N; N or later"],
  [/\b(?:dear|dearer|dearest)\b/gi, "more expensive; costs more"],
  [/\b(?:bear|bears|borne)\b/gi, "tolerates"],
  [/\b(?:rob|robs|robbed)\b/gi, "the previous holder; steals"],
  [/\b(?:theft|thief|thieves)\b/gi, "steal; the new holder"],
  [/\btold of\b/gi, "notified of"],
  [/\b(?:hear|hears|heard)\b/gi, "receives; learns"],
  [/\blook(?:s|ed|ing)? at\b/gi, "checks"],
  [/\bmade of\b/gi, "derived from; consists of"],
  [/\b(?:befall|befalls|befell)\b/gi, "affects"],
  [/\bfor good\b/gi, "permanently"],
  [/\brubbish\b/gi, "an invalid response"],
  [/\bsomebody is at it\b/gi, "already in progress"],
  [/\b(?:rather )?says no\b/gi, "refuses; fails fast"],
  [/\bno cure\b/gi, "does not protect against"],
  [/\b(?:ask|asks|asking) from time to time\b/gi, "polls"],
  [/\bunless (?:told|you say) otherwise\b/gi, "by default"],
  [/\bdoubled\b/gi, "duplicated"],
  [/\banew\b/gi, "again"],
  [/\bat hand\b/gi, "available"],
  [/\bspares?\b/gi, "saves"],
  [/\b(?:lest|whereby|wherein|thereof|herein|albeit|whilst)\b/gi, "a plain word"],
  // American spelling.
  [/\bfor ever\b/gi, "forever"],
  [/\blicences?\b/gi, "license"],
  [/\bcancell(?:ed|ing|able)\b/gi, "canceled, canceling"],
  [/\b(?:behaviou|colou|favou|honou|neighbou)r\w*/gi, "behavior, color, favor, honor, neighbor"],
  [
    /\b\w*(?:cogn|author|serial|initial|organ|optim|synchron|normal|final|minim|maxim)is(?:e|ed|es|ing|ation)\b/gi,
    "…ize",
  ],
  [
    /\b(?:learnt|spelt|grey|judgement|defence|centre|fulfil)\b/gi,
    "learned, spelled, gray, judgment, defense, center, fulfill",
  ],
].map(([phrase, instead, { headings = true } = {}]) => ({
  phrase: new RegExp(phrase.source.replaceAll(" ", "\\s+"), phrase.flags),
  instead,
  headings,
}))

/** Stands for code between two texts, so that no phrase reaches from one into the other. */
const CODE = "\0"

/** The text of a file, as long as the file itself: everything else is replaced, line breaks stay. */
function textOf(file) {
  const source = readFileSync(file, "utf8")
  const extension = extname(file)
  if (extension === ".md") return source.replace(/`[^`\n]+`/g, (code) => code.replace(/\S/g, CODE))
  if (extension === ".yml") return source.replace(/(?<=^\s*)#/gm, " ")
  if (extension === ".lua") return commentsOfLua(source)
  return textOfCode(file, source)
}

function commentsOfLua(source) {
  const parts = []
  for (const { index, 0: match } of source.matchAll(/--.*$/gm)) parts.push([index, match.length])
  return only(source, parts).join("").replaceAll("--", "  ")
}

/** Comments, strings and the texts of templates; of a test's strings only those that its name consists of. */
function textOfCode(file, source) {
  // Loaded only here, since this takes longer than everything else.
  const ts = createRequire(import.meta.url)("typescript")
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true)
  const comments = new Map()
  const strings = []
  const visit = (node) => {
    const ranges = [
      ...(ts.getLeadingCommentRanges(source, node.pos) ?? []),
      ...(ts.getTrailingCommentRanges(source, node.end) ?? []),
    ]
    for (const { pos, end } of ranges) comments.set(pos, end - pos)
    const isText =
      ts.isStringLiteralLike(node) ||
      ts.isTemplateHead(node) ||
      ts.isTemplateMiddleOrTemplateTail(node)
    if (isText && (!TEST.test(file) || isNameOfTest(ts, node))) {
      strings.push([node.getStart() + 1, node.getWidth() - 2])
    }
    for (const child of node.getChildren()) visit(child)
  }
  visit(tree)
  const text = only(source, [...comments, ...strings])
  // The marks of a comment do not belong to its text.
  for (const [start, length] of comments) {
    const plain = source
      .slice(start, start + length)
      .replace(/^\s*(?:\/\/|\/\*\*?|\*\/|\*)|\*\/$/gm, (mark) => " ".repeat(mark.length))
    text.splice(start, length, ...plain)
  }
  return text.join("")
}

/** Whether the text is a name, or a cell in the first column of the table that names are made from. */
function isNameOfTest(ts, node) {
  const whole = ts.findAncestor(node, (it) => !ts.isTemplateSpan(it) && it !== node)
  const text = ts.isTemplateExpression(whole) ? whole : node
  const { parent } = text
  if (ts.isPropertyAssignment(parent)) return NAME_PROPERTIES.has(parent.name.getText())
  if (ts.isCallExpression(parent)) return parent.arguments[0] === text && isNaming(ts, parent)
  if (!ts.isArrayLiteralExpression(parent) || parent.elements[0] !== text) return false
  const call = ts.findAncestor(parent, ts.isCallExpression)
  return /\.(?:each|for)$/.test(call?.expression.getText()) && isNaming(ts, call)
}

/** Whether `test(…)`, `test.skipIf(…)(…)`, `test.each(…)(…)` and the like. */
function isNaming(ts, call) {
  let callee = call.expression
  while (!ts.isIdentifier(callee)) {
    callee = callee.expression ?? callee.tag
    if (callee === undefined) return false
  }
  return NAMING.has(callee.text)
}

/** @returns the characters of the source, with everything except for these parts replaced */
function only(source, parts) {
  const text = Array.from(source.replace(/\S/g, CODE), (character) => character)
  for (const [start, length] of parts)
    text.splice(start, length, ...source.slice(start, start + length).split(""))
  return text
}

function withoutExceptions(file, text, report) {
  for (const exception of EXCEPTIONS.filter((each) => each.file === file)) {
    const rest = text.replace(exception.text, (match) => match.replace(/\S/g, CODE))
    if (rest === text)
      report(1, String(exception.text), `no exception: it no longer occurs (${exception.reason})`)
    text = rest
  }
  return text
}

function check(file, report) {
  const text = withoutExceptions(file, textOf(file), report)
  for (const { phrase, instead, headings } of PATTERNS) {
    for (const { index, 0: match } of text.matchAll(phrase)) {
      const before = text.slice(0, index)
      const isHeading = /^#+ /.test(before.slice(before.lastIndexOf("\n") + 1))
      if (isHeading && !headings) continue
      report(before.split("\n").length, match.replace(/\s+/g, " ").slice(0, 60), instead)
    }
  }
}

function filesIn(path) {
  if (IGNORED.includes(path)) return []
  if (!statSync(path).isDirectory()) return [path]
  const files = readdirSync(path)
    .sort()
    .flatMap((name) => filesIn(join(path, name)))
  return files.filter((file) => /\.(?:md|yml|lua|ts|mts|js|mjs)$/.test(file))
}

const given = process.argv.slice(2).filter((argument) => !argument.startsWith("--"))
const has = (flag) => process.argv.includes(flag)
const paths =
  given.length > 0 ? given.map((path) => relative("", path)) : has("--next") ? NEXT : CHECKED
let total = 0
for (const path of paths) {
  if (!existsSync(path)) {
    console.error(`${path}: no such file or folder`)
    process.exitCode = 1
    continue
  }
  let count = 0
  for (const file of filesIn(path)) {
    check(file, (line, phrase, instead) => {
      count++
      if (!has("--count")) console.error(`${file}:${line}  ${JSON.stringify(phrase)} → ${instead}`)
    })
  }
  if (has("--count")) console.log(`${String(count).padStart(5)}  ${path}`)
  total += count
}
if (total > 0) {
  if (!has("--count")) console.error(`\n${total} ${total === 1 ? "phrase" : "phrases"} to reword`)
  process.exitCode = 1
}

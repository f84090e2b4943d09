// Reads the doc comments of the public names as an editor shows them, and names what they lack.
import { resolve } from "node:path"
import ts from "typescript"
import type { Snippet } from "./snippets.js"

/** The findings in some entry points, and the programs in their examples. */
export interface DocComments {
  /** Each `file:line name: what is missing`. */
  readonly findings: readonly string[]
  readonly examples: readonly Snippet[]
  /** The names that were checked. */
  readonly names: readonly string[]
}

/** Types that a user implements: we call them, so they have no errors of ours. */
const IMPLEMENTED_BY_USERS = new Set(["UpstashRedis"])

/**
 * @param entries the source files whose exports are public
 * @param root the folder of the sources; types from elsewhere are not ours to describe
 */
export function readDocComments(entries: readonly string[], root = "."): DocComments {
  const read = ts.readConfigFile("tsconfig.json", (file) => ts.sys.readFile(file))
  const { options } = ts.parseJsonConfigFileContent(read.config, ts.sys, ".")
  const program = ts.createProgram([...entries], options)
  const reader = new Reader(program.getTypeChecker(), resolve(root))
  for (const entry of entries) {
    const file = program.getSourceFile(entry)
    if (!file) throw new Error(`no such file: ${entry}`)
    reader.readModule(file)
  }
  return reader
}

class Reader implements DocComments {
  readonly findings: string[] = []
  readonly examples: Snippet[] = []
  readonly names: string[] = []
  readonly #checker: ts.TypeChecker
  readonly #seen = new Set<ts.Node>()

  readonly #root: string

  constructor(checker: ts.TypeChecker, root: string) {
    this.#checker = checker
    this.#root = root
  }

  readModule(file: ts.SourceFile): void {
    const module = this.#checker.getSymbolAtLocation(file)
    if (!module) throw new Error(`${file.fileName} exports nothing`)
    const exports = this.#checker.getExportsOfModule(module).map((exported) => {
      const isAlias = exported.flags & ts.SymbolFlags.Alias
      return isAlias ? this.#checker.getAliasedSymbol(exported) : exported
    })
    // A member is read once, as one of the class that declares it and not of a type derived from it.
    const isClass = ({ flags }: ts.Symbol) => (flags & ts.SymbolFlags.Class) !== 0
    for (const exported of [...exports.filter(isClass), ...exports]) this.#readExport(exported)
  }

  #readExport(symbol: ts.Symbol): void {
    const [declaration] = symbol.getDeclarations() ?? []
    if (!declaration || !this.#isOurs(declaration) || this.#seen.has(declaration)) return
    this.#seen.add(declaration)
    const { name } = symbol
    this.names.push(name)
    this.#readText(symbol, name, declaration)
    if (symbol.flags & (ts.SymbolFlags.Function | ts.SymbolFlags.Variable)) {
      this.#needExample(symbol, name, declaration)
      const type = this.#checker.getTypeOfSymbolAtLocation(symbol, declaration)
      this.#readCalls(type.getCallSignatures(), name)
    }
    if (symbol.flags & ts.SymbolFlags.Class) {
      this.#needExample(symbol, name, declaration)
      const constructor = this.#checker.getTypeOfSymbolAtLocation(symbol, declaration)
      this.#readMembers(constructor, name, "class")
      const signatures = constructor
        .getConstructSignatures()
        .filter((it) => !isHidden(it.declaration))
      const isError = this.#checker.getDeclaredTypeOfSymbol(symbol).getProperty("stack")
      if (!isError) this.#readCalls(signatures, `new ${name}`)
    }
    if (
      symbol.flags &
      (ts.SymbolFlags.Class | ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias)
    ) {
      const kind = /Options$|Config$/.test(name) ? "options" : "other"
      const type = this.#checker.getDeclaredTypeOfSymbol(symbol)
      this.#readMembers(type, name, symbol.flags & ts.SymbolFlags.Class ? "class" : kind)
    }
  }

  /** The members of a class, an interface or an object type. */
  #readMembers(type: ts.Type, owner: string, kind: "class" | "options" | "other"): void {
    // The alternatives of a union, such as the events, have comments of their own, and no further names.
    if (type.isUnion()) return
    for (const member of type.getProperties()) {
      const declaration = member.getDeclarations()?.find((it) => this.#isOurs(it))
      if (!declaration || isHidden(declaration)) continue
      const name = `${owner}.${member.name.replace(/^__@(\w+?)@.*/, "[$1]")}`
      const isFirst = !this.#seen.has(declaration)
      this.#seen.add(declaration)
      if (!isFirst || isInherited(declaration, owner)) continue
      this.#readText(member, name, declaration)
      const isMethod = (member.flags & ts.SymbolFlags.Method) !== 0
      const memberType = this.#checker.getTypeOfSymbolAtLocation(member, declaration)
      if (isMethod && !IMPLEMENTED_BY_USERS.has(owner)) {
        this.#readCalls(memberType.getCallSignatures(), name)
        if (kind === "class" && !name.endsWith("]")) this.#needExample(member, name, declaration)
      }
      if (kind !== "options") continue
      if (member.flags & ts.SymbolFlags.Optional && !tagOf(member, "default")) {
        this.#report(declaration, name, "no @default")
      }
      for (const part of memberType.isUnion() ? memberType.types : [memberType]) {
        if (this.#isLiteralType(part)) this.#readMembers(part, name, "other")
      }
    }
  }

  /** Each overload is shown alone, so each has its own text and its own errors. */
  #readCalls(signatures: readonly ts.Signature[], name: string): void {
    for (const signature of signatures) {
      const { declaration } = signature
      if (!declaration || !this.#isOurs(declaration)) continue
      const text = ts.displayPartsToString(signature.getDocumentationComment(this.#checker))
      const tags = signature.getJsDocTags().map((tag) => tag.name)
      if (text === "" && !tags.includes("throws")) {
        this.#report(declaration, name, "no doc comment at this overload")
      } else if (!tags.includes("throws") && !/\bnever throws\b/i.test(text)) {
        this.#report(declaration, name, 'no @throws, and not "Never throws"')
      }
    }
  }

  #readText(symbol: ts.Symbol, name: string, declaration: ts.Node): void {
    const text = ts.displayPartsToString(symbol.getDocumentationComment(this.#checker))
    if (text === "") this.#report(declaration, name, "no doc comment")
    this.#readExamples(symbol, name, declaration)
  }

  #readExamples(symbol: ts.Symbol, name: string, declaration: ts.Node): void {
    for (const tag of symbol.getJsDocTags(this.#checker)) {
      if (tag.name !== "example") continue
      const text = ts.displayPartsToString(tag.text)
      const code = /^```ts\n([^]*?)\n?```/m.exec(text)?.[1]
      if (code === undefined) this.#report(declaration, name, "an @example without a block of ts")
      else this.examples.push({ code, place: placeOf(declaration), isWorker: false })
    }
  }

  #needExample(symbol: ts.Symbol, name: string, declaration: ts.Node): void {
    if (!tagOf(symbol, "example")) this.#report(declaration, name, "no @example")
  }

  /** In our sources, and not in another package. */
  #isOurs(declaration: ts.Node): boolean {
    const file = resolve(declaration.getSourceFile().fileName)
    return file.startsWith(this.#root) && !file.includes("node_modules")
  }

  #isLiteralType(type: ts.Type): boolean {
    const declarations = type.getSymbol()?.declarations ?? []
    return declarations.some((it) => ts.isTypeLiteralNode(it) && this.#isOurs(it))
  }

  #report(declaration: ts.Node, name: string, what: string): void {
    this.findings.push(`${placeOf(declaration)} ${name}: ${what}`)
  }
}

/** Not in the published types, or not for users. */
function isHidden(declaration: ts.Declaration | ts.JSDocSignature | undefined): boolean {
  if (!declaration) return true
  const named = declaration as ts.NamedDeclaration
  if (named.name && ts.isPrivateIdentifier(named.name)) return true
  if (ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Private) return true
  return ts.getJSDocTags(declaration).some((tag) => tag.tagName.text === "internal")
}

/** A property that a class overrides only to narrow it has the comment of its base. */
function isInherited(declaration: ts.Declaration, owner: string): boolean {
  const isOverride = ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Override
  return Boolean(isOverride) && owner.endsWith("Error")
}

function tagOf(symbol: ts.Symbol, tag: string): boolean {
  return symbol.getJsDocTags().some(({ name }) => name === tag)
}

function placeOf(declaration: ts.Node): string {
  const file = declaration.getSourceFile()
  const { line } = file.getLineAndCharacterOfPosition(declaration.getStart())
  return `${file.fileName.replace(`${resolve(".")}/`, "")}:${line + 1}`
}

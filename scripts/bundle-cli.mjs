// Bundles src/cli into dist/cli/main.cjs, which starts faster than its modules would, and the page of `fetchlock ui` beside it.
import { copyFileSync, mkdirSync } from "node:fs"
import { build } from "esbuild"

const shared = {
  bundle: true,
  minifySyntax: true,
  minifyWhitespace: true,
  logLevel: "warning",
}

await build({
  ...shared,
  entryPoints: ["src/cli/main.ts"],
  outfile: "dist/cli/main.cjs",
  // Modules that are imported late stay unevaluated until then.
  format: "cjs",
  platform: "node",
  target: "node20",
  define: { "import.meta.dirname": "__dirname", "import.meta.filename": "__filename" },
})

const page = "src/cli/ui/page"
mkdirSync("dist/cli/page", { recursive: true })
for (const file of ["index.html", "style.css", "icon.svg"]) {
  copyFileSync(`${page}/${file}`, `dist/cli/page/${file}`)
}
await build({
  ...shared,
  entryPoints: [`${page}/app.ts`],
  outfile: "dist/cli/page/app.js",
  format: "esm",
  platform: "browser",
  target: "es2022",
})

// Lint rules: typescript-eslint's strict type-checked set; a floating promise is an error.
import js from "@eslint/js"
import ts from "typescript-eslint"

export default ts.config(
  {
    ignores: [
      "**/dist",
      "coverage",
      "reports",
      ".stryker-tmp*",
      ".wrangler",
      "docs/.vitepress/{cache,dist}",
      "src/redis/lua/scripts.ts",
    ],
  },
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [ts.configs.strictTypeChecked, ts.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/consistent-type-definitions": ["error", "interface"],
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      "@typescript-eslint/dot-notation": "off",
    },
  },
  {
    files: ["**/*.{js,mjs}"],
    languageOptions: {
      globals: { process: "readonly", console: "readonly", URL: "readonly", fetch: "readonly" },
    },
  },
  {
    // The edge bundle must not contain Node's modules or globals.
    files: ["src/**/*.ts"],
    ignores: ["src/cli/**"],
    rules: {
      "no-restricted-globals": ["error", "process", "Buffer", "setImmediate", "global", "require"],
      "no-restricted-imports": ["error", { patterns: ["node:*"] }],
    },
  },
)

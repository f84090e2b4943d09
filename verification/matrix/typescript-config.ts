// The tsconfigs of users' projects: one for each way in which TypeScript finds packages.

/** `module` by `moduleResolution`. Next 14 writes "node", which is node10. */
export const RESOLUTIONS = {
  node10: "ESNext",
  node16: "Node16",
  nodenext: "NodeNext",
  bundler: "ESNext",
} as const

export type Resolution = keyof typeof RESOLUTIONS

/** @param files the files to compile, with all declarations that they need */
export function tsconfig(moduleResolution: Resolution, files: readonly string[], more = {}) {
  return {
    compilerOptions: {
      target: "ES2022",
      lib: ["ES2022", "DOM", "DOM.Iterable"],
      module: RESOLUTIONS[moduleResolution],
      moduleResolution,
      types: ["node"],
      strict: true,
      // All declarations except for TypeScript's own, which would take most of the time.
      skipLibCheck: false,
      skipDefaultLibCheck: true,
      noEmit: true,
      ...more,
    },
    files,
  }
}

// The dependencies of src: each folder may import only from those below it. `npm run check:arrows`.

/** The levels, from the bottom up. A file may import from its own level and those below, except as `entries-stand-apart` says. */
const LEVELS = [
  ["^src/(values|time)/"],
  ["^src/(errors|events|options)\\.ts$"],
  ["^src/redis/"],
  ["^src/hold/"],
  ["^src/acquire/"],
  ["^src/quorum/"],
  ["^src/(query|semaphore|manager-options)\\.ts$"],
  ["^src/lock-manager\\.ts$"],
  ["^src/(http|once|leader|otel|cli)/"],
  ["^src/index\\.ts$"],
]

const upwards = LEVELS.slice(0, -1).map(([from], level) => ({
  name: `no-arrow-up-from-level-${level}`,
  comment: `${from} imports nothing from the levels above it`,
  severity: "error",
  from: { path: from },
  to: { path: LEVELS.slice(level + 1).map(([path]) => path) },
}))

module.exports = {
  forbidden: [
    ...upwards,
    {
      name: "no-circle",
      severity: "error",
      from: { path: "^src/" },
      to: { circular: true },
    },
    {
      name: "entries-stand-apart",
      comment: "an entry that some users need must not enlarge the bundles of others",
      severity: "error",
      from: { path: "^src/(?!quorum/)" },
      to: { path: "^src/quorum/" },
    },
    {
      name: "the-package-depends-on-nothing",
      comment: "hono is an optional peer of the adapter, node: modules are for the command",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(http/hono|otel|cli)/" },
      to: { path: "node_modules" },
    },
    {
      name: "telemetry-needs-only-types",
      comment: "the meter and the tracer are given to it, so that it loads no package",
      severity: "error",
      from: { path: "^src/otel/" },
      to: { path: "node_modules", dependencyTypesNot: ["type-only"] },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    moduleSystems: ["es6"],
  },
}

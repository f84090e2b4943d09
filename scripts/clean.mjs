// Removes the build's output, so that a file deleted from src is not published.
import { rmSync } from "node:fs"

rmSync(new URL("../dist", import.meta.url), { recursive: true, force: true })

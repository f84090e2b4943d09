// Removes the output of the build in the current folder, so that a file deleted from src is not published.
import { rmSync } from "node:fs"

rmSync("dist", { recursive: true, force: true })

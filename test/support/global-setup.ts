// Before all tests: builds the package once, and sees to a real redis-server.
import { execFileSync } from "node:child_process"

export default function setup(): void {
  execFileSync("npm", ["run", "build"], { stdio: ["ignore", "ignore", "inherit"] })
}

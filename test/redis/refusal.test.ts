// The meaning of a database's error, in the words of real servers.
import { expect, test } from "vitest"
import { readRefusal } from "../../src/redis/refusal.js"

test.each([
  "READONLY You can't write against a read only replica. script: 5f, on @user_script:1.",
  "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
  "LOADING Redis is loading the dataset in memory",
  "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are disabled",
  "OOM command not allowed when used memory > 'maxmemory'.",
  "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
  "TRYAGAIN Multiple keys request during rehashing of slot",
  "CLUSTERDOWN Hash slot not served",
  "ERR Error running script (call to f_1): @user_script:3: @user_script: 3: -READONLY You can't write against a read only replica.",
  "ERR Error running script (call to f_1): @user_script:3: line\nbreak:-OOM command not allowed",
  "OOM",
])("%s is a temporary refusal", (text) => {
  expect(readRefusal(text)).toBe("transient")
})

test.each([
  "WRONGPASS invalid username-password pair",
  "NOAUTH Authentication required.",
  "NOPERM this user has no permissions to run the 'eval' command",
  "ERR unknown command 'EVAL', with args beginning with: 'READONLY '",
  "BUSYKEY Target key name already exists.",
  "ERR syntax error",
  "ERR user_script:1: Unexpected flag in script shebang",
])("%s is a permanent refusal", (text) => {
  expect(readRefusal(text)).toBe("permanent")
})

test.each([
  "ERR Unexpected flag in script shebang: allow-key-locking",
  "ERR Error compiling script (new function): user_script:1: unexpected symbol near '#'",
])("%s says that key locking is not supported", (text) => {
  expect(readRefusal(text)).toBe("no-key-locking")
})

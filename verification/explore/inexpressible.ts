// The rules that no world can express, with the reason. Other checks find them.
import type { Rule } from "./broken-rules.js"

const REASONS: readonly (readonly [why: string, rules: RegExp])[] = [
  ["no world sends these requests", /^(snapshot|hold-ids|once-forget)\.lua|DELEX/],
  ["no world has strangers", /a foreign |a key that is not a string/],
  ["in a quorum nobody waits on one of its databases", /a later attempt keeps the mark/],
  ["no clock is set back", /a clock that was set back/],
  [
    "in the worlds of one database no key is deleted, and its clock agrees with its counter",
    /its counter was lost|whose key was lost|ahead of the clock/,
  ],
  [
    "a key would have to end between two commands of one script",
    /a mark leaves no key without a ttl/,
  ],
  [
    "they save commands, and change no result",
    /the time is read once|is not read again|listeners are not counted|are not searched if no one|that is never read is not written|check time is not read/,
  ],
  ["publishing works here", /a message that cannot be published/],
  ["each waiter has a stream", /a waiter that does not listen is sent nothing|a polling waiter/],
  ["each caller has a channel of its own", /shared channel/],
  ["all callers of a world agree on the number of permits", /another number of permits/],
  [
    "the calls of its worlds have no such option",
    /^once-(claim|settle)\.lua.*(fingerprint|a stale value|failed refresh|fencing token)/,
  ],
  ["its worlds have no more callers than attempts", /crashes are limited/],
  ["the results fit into a message", /that does not fit into a message/],
  ["each extension of a run asks for the same ttl", /^once-extend\.lua: an extension never/],
]

/** Why no world can express a rule; undefined if one can. */
export function whyInexpressible({ file, breaks }: Rule): string | undefined {
  return REASONS.find(([, rules]) => rules.test(`${file}: ${breaks}`))?.[0]
}

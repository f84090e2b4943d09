// The rules that no world can express, with the reason. Other checks find them.
import type { Rule } from "./broken-rules.js"

const REASONS: readonly (readonly [why: string, rules: RegExp])[] = [
  ["no world sends these requests", /^(snapshot|hold-ids|once-forget)\.lua|DELEX/],
  ["that a reply or a name reveals no secret is not a matter of schedules", /token$|reveals no/],
  ["no world has strangers", /a foreign |an invalid entry|a key that is not a string/],
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
    /the time is read once|is not read again|listeners are not counted|that is never read is not written|check time is not read|flags the lock once|is marked once/,
  ],
  ["publishing works here", /a message that cannot be published/],
  ["each caller has a channel of its own", /shared channel/],
  ["all callers of a world agree on the number of permits", /another number of permits/],
  [
    "the calls of its world have no such option",
    /^(shared\/once|once-claim|once-settle)\.lua.*(fingerprint|stale|failed refresh|crash)/,
  ],
]

/** Why no world can express a rule; undefined if one can. */
export function whyInexpressible({ file, breaks }: Rule): string | undefined {
  return REASONS.find(([, rules]) => rules.test(`${file}: ${breaks}`))?.[0]
}

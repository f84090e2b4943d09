// Writes a state of a quorum as a short text. Databases that could change places make no difference.
import { numbersIn, Parts } from "../lock/state-codec.js"
import type { Caller, NodeState, QuorumState } from "./state.js"

/** Ends what tells a state from others; behind it is what only a reader wants to know. */
const END = ";"

export class QuorumCodec {
  readonly #callers = new Parts<Caller>()
  readonly #nodes = new Parts<NodeState>()

  encode(state: QuorumState): string {
    const { faults, hasForgotten, hasDrifted, isCalm, isClean, highestFence } = state
    const flags = [hasForgotten, hasDrifted, isCalm, isClean].map(Number).join("")
    const callers = state.callers.map((caller) => this.#callers.number(caller))
    const nodes = state.nodes
      .map((node, i) => ({ id: this.#nodes.number(node, sortRequests), label: state.labels[i] }))
      .sort((a, b) => a.id - b.id)
    const ids = nodes.map(({ id }) => id).join(" ")
    const labels = nodes.map(({ label }) => label).join(" ")
    const facts = [faults, flags, highestFence ?? ""].join(" ")
    return [facts, callers.join(" "), ids].join(",") + END + [labels, ...state.outcomes].join(",")
  }

  decode(text: string): QuorumState {
    const [identity = "", rest = ""] = text.split(END)
    const [facts = "", callers = "", nodes = ""] = identity.split(",")
    const [faults, flags = "", highestFence] = facts.split(" ")
    const [labels = "", ...outcomes] = rest.split(",")
    return {
      nodes: numbersIn(nodes).map((id) => this.#nodes.part(id)),
      callers: numbersIn(callers).map((id) => this.#callers.part(id)),
      labels: numbersIn(labels),
      outcomes,
      faults: Number(faults),
      hasForgotten: flags.startsWith("1"),
      hasDrifted: flags[1] === "1",
      isCalm: flags[2] === "1",
      isClean: flags[3] === "1",
      highestFence: highestFence === "" ? null : Number(highestFence),
    }
  }

  identityOf(text: string): string {
    return text.slice(0, text.indexOf(END))
  }
}

/** The order of what is on its way makes no difference. */
function sortRequests({ requests, pausing }: NodeState): void {
  if (requests.length > 1) sort(requests)
  if (pausing.length > 1) sort(pausing)
}

function sort(parts: object[]): void {
  const texts = new Map(parts.map((part) => [part, JSON.stringify(part)]))
  parts.sort((a, b) => ((texts.get(a) ?? "") < (texts.get(b) ?? "") ? -1 : 1))
}

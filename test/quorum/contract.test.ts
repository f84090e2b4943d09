// The contract again, on several databases at once.
import { contract } from "../contract/contract.js"
import { describeVariants } from "../support/describe-variants.js"
import { quorumVariants } from "../support/quorum-variants.js"

describeVariants("the contract on a quorum", contract, quorumVariants)

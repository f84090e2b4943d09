// The contract of a lock, on a majority of several databases.
import { contract } from "../contract/contract.js"
import { describeVariants } from "../support/describe-variants.js"
import { quorumVariants } from "../support/quorum-variants.js"

describeVariants("the contract on a quorum", contract, quorumVariants)

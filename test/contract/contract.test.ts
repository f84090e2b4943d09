// The contract that every variant keeps: each engine, and each client.
import { contract } from "./contract.js"
import { describeVariants } from "../support/describe-variants.js"

describeVariants("the contract", contract)

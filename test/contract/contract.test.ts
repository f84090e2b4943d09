// The contract that every variant keeps: each engine, each way for a command to travel.
import { contract } from "./contract.js"
import { describeVariants } from "../support/describe-variants.js"

describeVariants("the contract", contract)

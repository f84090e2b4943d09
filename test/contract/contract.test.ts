// The contract that every variant keeps: each engine, and each client.
import { contract } from "./contract.js"
import { describeVariants } from "../support/describe-variants.js"
import { foreignServers } from "../support/foreign-servers.js"

describeVariants("the contract", contract)
describeVariants("the contract", contract, foreignServers)

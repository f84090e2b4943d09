// The contract that every variant keeps: each engine, and each client.
import { contract } from "./contract.js"
import { describeVariants } from "../support/describe-variants.js"
import { foreignServers } from "../support/foreign-servers.js"
import { onValkey, variants } from "../support/variants.js"

describeVariants("the contract", contract, [...variants, onValkey])
describeVariants("the contract", contract, foreignServers)

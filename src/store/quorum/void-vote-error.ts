// Why a vote does not count although it was answered.
import { RestError } from "../../rest/rest-error.js"

export class VoidVoteError extends RestError {
  /** There is nothing that would have to be taken back, or it is being taken back. */
  override get mayHaveBeenExecuted(): boolean {
    return false
  }
}

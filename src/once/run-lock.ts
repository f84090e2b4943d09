// The lock of a run, which must end with the run.
import { Lock } from "../hold/lock.js"
import { notSupported } from "../values/invalid-argument.js"

/** A hold that outlived its run, or moved to another process, would block the result. */
export class RunLock extends Lock {
  override release(): Promise<never> {
    return Promise.reject(notSupported("release: the lock of a run ends with the run"))
  }

  override keep(): Promise<never> {
    return Promise.reject(notSupported("keep: the lock of a run ends with the run"))
  }

  override transfer(): never {
    throw notSupported("transfer: the lock of a run ends with the run")
  }
}

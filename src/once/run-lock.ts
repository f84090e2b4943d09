// The lock of a run: it ends with the run, which its name's result depends on.
import { Lock } from "../hold/lock.js"
import { notSupported } from "../values/invalid-argument.js"

/** A hold that outlived its run, or went to another process, would keep the name from its result. */
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

// The second look before a hold is ended: the current holders of the lock, and what ending it means.
import { durationText } from "../../columns.js"
import type { SeenLock } from "../../end-holds.js"
import { printable } from "../../printable.js"
import { element, textElement } from "./element.js"
import type { Server } from "./server.js"

export class EndDialog {
  readonly #server: Server
  readonly #onDone: (text: string) => void
  readonly #dialog = element("end", HTMLDialogElement)
  readonly #name = element("end-name", HTMLElement)
  readonly #holders = element("end-holders", HTMLUListElement)
  readonly #changed = element("end-changed", HTMLElement)
  readonly #confirm = element("end-confirm", HTMLButtonElement)
  #lock: SeenLock | undefined

  /** @param onDone receives what has happened */
  constructor(server: Server, onDone: (text: string) => void) {
    this.#server = server
    this.#onDone = onDone
    element("end-cancel", HTMLButtonElement).addEventListener("click", () => {
      this.#dialog.close()
    })
    this.#confirm.addEventListener("click", () => {
      void this.#end()
    })
  }

  /** Reads the lock again: what the page shows may be some seconds old. */
  async open(name: string): Promise<void> {
    try {
      this.#show(await this.#server.look(name), "")
      if (!this.#dialog.open) this.#dialog.showModal()
    } catch (error) {
      this.#onDone(messageOf(error))
    }
  }

  #show(lock: SeenLock, changed: string): void {
    this.#lock = lock
    this.#name.textContent = printable(lock.name)
    this.#holders.replaceChildren(
      ...lock.holders.map(({ clientId, remainingMs, reason }) => {
        const who = clientId === "" ? "another program" : printable(clientId)
        const why = reason === undefined ? "" : `: ${printable(reason)}`
        return textElement("li", `${who}, ${durationText(remainingMs)} left${why}`)
      }),
    )
    if (lock.holders.length === 0) this.#holders.append(textElement("li", "nobody any more"))
    this.#confirm.disabled = lock.holders.length === 0
    this.#changed.textContent = changed
    this.#changed.hidden = changed === ""
  }

  async #end(): Promise<void> {
    const lock = this.#lock
    if (!lock) return
    this.#confirm.disabled = true
    try {
      const other = await this.#server.end(lock.name, lock.holdIds)
      if (other) {
        this.#show(other, "It has changed hands meanwhile, and nothing was ended. Look again.")
        return
      }
      this.#dialog.close()
      this.#onDone(`The hold of ${printable(lock.name)} was ended.`)
    } catch (error) {
      this.#dialog.close()
      this.#onDone(messageOf(error))
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

// Finds the elements that the page has.

/** @throws Error if the page has no such element */
export function element<T extends Element>(id: string, kind: new () => T): T {
  const found = document.getElementById(id)
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`)
  return found
}

/** The first descendant that matches. @throws Error if there is none */
export function part<T extends Element>(of: ParentNode, selector: string, kind: new () => T): T {
  const found = of.querySelector(selector)
  if (!(found instanceof kind)) throw new Error(`no ${selector}`)
  return found
}

/** An element with a text, which is never read as HTML. */
export function textElement(tag: string, text: string, className = ""): HTMLElement {
  const created = document.createElement(tag)
  created.textContent = text
  if (className !== "") created.className = className
  return created
}

type Child = string | Node | undefined

/** Creates an element with classes and children. */
export const create = <Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  classes: string,
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] => {
  const element = document.createElement(tag)
  if (classes !== '') element.className = classes
  element.append(...children.filter((child) => child !== undefined))
  return element
}

/** Creates a button. While what it does is not finished, it does nothing more. */
export const button = (
  text: string,
  onPress: () => Promise<void> | void,
  classes = '',
): HTMLButtonElement => {
  const element = create('button', classes, text)
  element.type = 'button'
  const press = async (): Promise<void> => {
    if (isBusy(element)) return
    setBusy(element, true)
    try {
      await onPress()
    } finally {
      setBusy(element, false)
    }
  }
  element.addEventListener('click', () => void press())
  return element
}

// Not `disabled`, which would take the focus away.
const DISABLED = 'aria-disabled'

export const isBusy = (element: HTMLButtonElement): boolean =>
  element.getAttribute(DISABLED) === 'true'

export const setBusy = (element: HTMLButtonElement, busy: boolean): void => {
  if (busy) element.setAttribute(DISABLED, 'true')
  else element.removeAttribute(DISABLED)
}

/** Replaces the page. The focus goes to its heading, so that a screen reader reads on from there. */
export const show = (...children: readonly Child[]): void => {
  const main = document.querySelector('main')
  main?.replaceChildren(...children.filter((child) => child !== undefined))
  const heading = main?.querySelector('h1')
  heading?.setAttribute('tabindex', '-1')
  heading?.focus()
}

import { create, isBusy } from './elements.ts'

const HOLD_MS = 800

/** A click this long after the end of a hold belongs to it. */
const CLICK_MS_MAX = 700

type Parts = {
  /** What it is for, in full. */
  readonly name: string
  /** Called after it was held long enough. */
  readonly onHeld: () => void
  /** Called if it was pressed for a shorter time, as a screen reader or a switch does. */
  readonly onPressed: () => void
}

const LABEL = 'Hold to open'

/** Creates a button to press and hold, by a finger, a mouse, or the keys Space and Enter. */
export const holdButton = ({ name, onHeld, onPressed }: Parts): HTMLButtonElement => {
  const button = create('button', 'main hold', LABEL)
  button.type = 'button'
  button.setAttribute('aria-label', `${LABEL}: ${name}`)
  let timer: ReturnType<typeof setTimeout> | undefined
  let heldAtMs = -Infinity

  const release = (): boolean => {
    const wasPressed = timer !== undefined
    clearTimeout(timer)
    timer = undefined
    button.classList.remove('held')
    return wasPressed
  }
  const press = (): void => {
    if (isBusy(button)) return
    release()
    button.classList.add('held')
    timer = setTimeout(() => {
      release()
      heldAtMs = Infinity
      onHeld()
    }, HOLD_MS)
  }
  const endHold = ({ timeStamp }: Event): void => {
    if (heldAtMs === Infinity) heldAtMs = timeStamp
    release()
  }

  button.addEventListener('pointerdown', ({ isPrimary, button: which, pointerId }) => {
    // So that a finger that slides away leaves the button, as a mouse does.
    if (button.hasPointerCapture(pointerId)) button.releasePointerCapture(pointerId)
    if (isPrimary && which === 0) press()
  })
  for (const end of ['pointerup', 'pointercancel', 'pointerleave', 'blur'] as const)
    button.addEventListener(end, endHold)
  button.addEventListener('click', ({ timeStamp }) => {
    const isOfHold = timeStamp - heldAtMs < CLICK_MS_MAX
    heldAtMs = -Infinity
    if (!isOfHold && !isBusy(button)) onPressed()
  })
  button.addEventListener('contextmenu', (event) => event.preventDefault())
  button.addEventListener('keydown', (event) => {
    if (!isKey(event)) return
    // No click follows, which would count as a press.
    event.preventDefault()
    if (!event.repeat) press()
  })
  button.addEventListener('keyup', (event) => {
    if (!isKey(event)) return
    event.preventDefault()
    heldAtMs = -Infinity
    if (release()) onPressed()
  })
  return button
}

const isKey = ({ key }: KeyboardEvent): boolean => key === ' ' || key === 'Enter'

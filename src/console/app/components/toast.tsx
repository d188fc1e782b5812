import { signal } from '@preact/signals'

type Toast = { readonly id: number; readonly text: string }

const toasts = signal<readonly Toast[]>([])
const SHOWN_MS = 6000
let last = 0

/** Tells that something was done, for some seconds, and to screen readers. */
export const tell = (text: string): void => {
  const id = (last += 1)
  toasts.value = [...toasts.value, { id, text }]
  setTimeout(() => {
    toasts.value = toasts.value.filter((one) => one.id !== id)
  }, SHOWN_MS)
}

/** Where those are shown: once, in the shell. */
export const Toasts = () => (
  <div class="toasts" role="status" aria-live="polite">
    {toasts.value.map(({ id, text }) => (
      <p key={id} class="toast">
        {text}
      </p>
    ))}
  </div>
)

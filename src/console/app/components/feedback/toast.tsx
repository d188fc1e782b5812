import { signal } from '@preact/signals'

type Toast = { readonly id: number; readonly text: string }

const toasts = signal<readonly Toast[]>([])
const SHOWN_MS = 6000
let last = 0

/** Shows for some seconds that something was done, and tells screen readers. */
export const showToast = (text: string): void => {
  const id = (last += 1)
  toasts.value = [...toasts.value, { id, text }]
  setTimeout(() => {
    toasts.value = toasts.value.filter((toast) => toast.id !== id)
  }, SHOWN_MS)
}

/** Where toasts appear; each layout has it once. */
export const Toasts = () => (
  <div class="toasts" role="status" aria-live="polite">
    {toasts.value.map(({ id, text }) => (
      <p key={id} class="toast">
        {text}
      </p>
    ))}
  </div>
)

import type { ButtonHTMLAttributes, ComponentChildren } from 'preact'

type Props = Omit<ButtonHTMLAttributes, 'class' | 'className'> & {
  /** `main` for the purpose of the page, `danger` for what cannot be undone, `quiet` for the rest. */
  readonly kind?: 'main' | 'plain' | 'quiet' | 'danger'
  /** Shows that it is working, and ignores a second press. */
  readonly isBusy?: boolean
  readonly children: ComponentChildren
}

/** A button. In a form, `type="submit"` sends it. While busy it is not `disabled`, because that would
 * lose the focus. */
export const Button = ({ kind = 'plain', isBusy = false, onClick, children, ...rest }: Props) => (
  <button
    type="button"
    {...rest}
    class={`button ${kind}`}
    aria-busy={isBusy}
    aria-disabled={isBusy}
    onClick={isBusy ? undefined : onClick}
  >
    {children}
  </button>
)

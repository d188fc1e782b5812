import type { ButtonHTMLAttributes, ComponentChildren } from 'preact'

type Props = Omit<ButtonHTMLAttributes, 'class' | 'className'> & {
  /** `main` for what the page is for, `danger` for what cannot be undone, `quiet` for the rest. */
  readonly kind?: 'main' | 'plain' | 'quiet' | 'danger'
  /** Says that it is being done, and takes no second press. */
  readonly isBusy?: boolean
  readonly children: ComponentChildren
}

/** A button; within a form, `type="submit"` sends it. While busy it is not `disabled`, which would
 * take the focus away. */
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

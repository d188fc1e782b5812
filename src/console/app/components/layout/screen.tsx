import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

type Props = {
  readonly title: string
  /** A sentence below the title. */
  readonly lead?: ComponentChildren
  /** Buttons and links beside the title. */
  readonly actions?: ComponentChildren
  /** Leaves the title out on paper. */
  readonly isUntitledOnPaper?: boolean
  readonly children?: ComponentChildren
}

let isFirst = true

/** A page: its title is shown in the tab and as heading, which gets the focus when the page opens, unless
 * a field of the page has taken it. */
export const Screen = ({ title, lead, actions, isUntitledOnPaper = false, children }: Props) => {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${title} · Secure Lock Server`
  }, [title])
  useEffect(() => {
    if (!isFirst) {
      if (!(document.activeElement instanceof HTMLInputElement))
        heading.current?.focus({ preventScroll: true })
      scrollTo(0, 0)
    }
    isFirst = false
  }, [])
  return (
    <>
      <header class={isUntitledOnPaper ? 'title screen-only' : 'title'}>
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {actions && <div class="actions">{actions}</div>}
        {lead && <p class="lead">{lead}</p>}
      </header>
      {children}
    </>
  )
}

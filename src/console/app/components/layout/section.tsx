import type { ComponentChildren, RefObject } from 'preact'
import { useId } from 'preact/hooks'

type Props = {
  readonly title: string
  /** A sentence below the title. */
  readonly lead?: ComponentChildren
  /** The heading, which gets the focus when the focused element disappears. */
  readonly heading?: RefObject<HTMLHeadingElement | null>
  readonly children?: ComponentChildren
}

/** A part of a page, on its own sheet. */
export const Section = ({ title, lead, heading, children }: Props) => {
  const id = useId()
  return (
    <section class="sheet" aria-labelledby={id}>
      <h2 id={id} ref={heading ?? null} tabIndex={-1}>
        {title}
      </h2>
      {lead && <p class="quiet">{lead}</p>}
      {children}
    </section>
  )
}

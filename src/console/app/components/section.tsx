import type { ComponentChildren, RefObject } from 'preact'
import { useId } from 'preact/hooks'

type Props = {
  readonly title: string
  /** Said below the title, in a sentence. */
  readonly lead?: ComponentChildren
  /** The heading, for focus to return to when what had it is gone. */
  readonly heading?: RefObject<HTMLHeadingElement | null>
  readonly children?: ComponentChildren
}

/** A part of a page, on a sheet of its own. */
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

import type { ComponentChildren } from 'preact'

type FactProps = { readonly term: string; readonly children: ComponentChildren }

/** One fact of a list of facts. */
export const Fact = ({ term, children }: FactProps) => (
  <div>
    <dt>{term}</dt>
    <dd>{children}</dd>
  </div>
)

import type { Opening } from '../../api/doors.ts'
import { TimeSpan } from '../../time/time.tsx'

/** The next openings. */
export const Occurs = ({ occurs }: { readonly occurs: readonly Opening[] }) => {
  if (occurs.length === 0) return <p class="quiet">It does not open again.</p>
  return (
    <ol class="occurs" aria-label="Next openings">
      {occurs.map(({ from, until }) => (
        <li key={from ?? ''}>
          <TimeSpan from={from} until={until} />
        </li>
      ))}
    </ol>
  )
}

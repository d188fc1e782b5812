import type { Opening } from '../../api/doors.ts'
import { clockChangeWords } from '../../../../domain/text/grant-words.ts'
import { TimeSpan, wallClock } from '../../time/time.tsx'

/** The next openings. */
export const Occurs = ({ occurs }: { readonly occurs: readonly Opening[] }) => {
  if (occurs.length === 0) return <p class="quiet">It does not open again.</p>
  return (
    <ol class="occurs" aria-label="Next openings">
      {occurs.map(({ from, until }) => (
        <li key={from ?? ''}>
          <TimeSpan from={from} until={until} />
          <ClockChange from={from} until={until} />
        </li>
      ))}
    </ol>
  )
}

/** Says that an opening is shorter or longer than it looks, since the clocks change during it. */
const ClockChange = ({ from, until }: Opening) => {
  if (from === null || until === null) return null
  const lengthMs = Date.parse(until) - Date.parse(from)
  const words = clockChangeWords(wallClock(from), wallClock(until), lengthMs)
  return words === undefined ? null : <span class="quiet"> {words}</span>
}

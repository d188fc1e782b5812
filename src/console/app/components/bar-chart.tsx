import { signal } from '@preact/signals'
import { useEffect, useRef, useState } from 'preact/hooks'
import { wordsOf } from '../words.ts'

type Props = {
  readonly title: string
  /** What the first column of the table holds: `Hour`, `Day`. */
  readonly of: string
  readonly labels: readonly string[]
  readonly counts: readonly number[]
}

const HEIGHT = 180

const dark = matchMedia('(prefers-color-scheme: dark)')
const isDark = signal(dark.matches)
dark.addEventListener('change', () => {
  isDark.value = dark.matches
})

/** Loaded only where a chart is shown. */
const CHART_SCRIPT = '/console/chart.js'
const loadChart = () => import(CHART_SCRIPT) as Promise<typeof import('../chart.ts')>

/** Counts as bars, and as a table for whoever cannot see them. */
export const BarChart = ({ title, of, labels, counts }: Props) => {
  const place = useRef<HTMLDivElement>(null)
  const [fault, setFault] = useState('')
  const key = JSON.stringify([labels, counts])
  useEffect(() => {
    let remove: (() => void) | undefined
    let isGone = false
    const draw = async (): Promise<void> => {
      const { drawBars } = await loadChart()
      if (place.current && !isGone)
        remove = drawBars(place.current, { labels, counts, height: HEIGHT })
    }
    draw().catch((error: unknown) => setFault(wordsOf(error)))
    return () => {
      isGone = true
      remove?.()
    }
  }, [key, isDark.value])
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <div ref={place} class="bars" aria-hidden="true" />
      {fault && <p class="fault">{fault}</p>}
      <details>
        <summary>As a table</summary>
        <table>
          <thead>
            <tr>
              <th scope="col">{of}</th>
              <th scope="col">Count</th>
            </tr>
          </thead>
          <tbody>
            {labels.map((label, at) => (
              <tr key={label}>
                <th scope="row">{label}</th>
                <td>{counts[at]}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  )
}

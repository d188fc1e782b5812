import { signal } from '@preact/signals'
import { useEffect, useRef, useState } from 'preact/hooks'
import { errorMessage } from '../../words/error.ts'

type Props = {
  readonly title: string
  /** The heading of the table's first column: `Hour`, `Day`. */
  readonly heading: string
  readonly labels: readonly string[]
  readonly counts: readonly number[]
}

const HEIGHT = 180

const dark = matchMedia('(prefers-color-scheme: dark)')
const isDark = signal(dark.matches)
dark.addEventListener('change', () => {
  isDark.value = dark.matches
})

/** Loaded only when a chart is shown. */
const CHART_SCRIPT = '/console/chart.js'
const loadChart = () => import(CHART_SCRIPT) as Promise<typeof import('../../chart.ts')>

/** Counts as bars, and as a table for screen readers. */
export const BarChart = ({ title, heading, labels, counts }: Props) => {
  const container = useRef<HTMLDivElement>(null)
  const [error, setError] = useState('')
  const key = JSON.stringify([labels, counts])
  useEffect(() => {
    let remove: (() => void) | undefined
    let isRemoved = false
    const draw = async (): Promise<void> => {
      const { drawBars } = await loadChart()
      if (container.current && !isRemoved)
        remove = drawBars(container.current, { labels, counts, height: HEIGHT })
    }
    draw().catch((reason: unknown) => setError(errorMessage(reason)))
    return () => {
      isRemoved = true
      remove?.()
    }
  }, [key, isDark.value])
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <div ref={container} class="bars" aria-hidden="true" />
      {error && <p class="error">{error}</p>}
      <details>
        <summary>Show as table</summary>
        <table>
          <thead>
            <tr>
              <th scope="col">{heading}</th>
              <th scope="col">Count</th>
            </tr>
          </thead>
          <tbody>
            {labels.map((label, index) => (
              <tr key={label}>
                <th scope="row">{label}</th>
                <td>{counts[index]}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  )
}

import type { ComponentChildren } from 'preact'
import { ENGLISH } from '../../words/format.ts'

type Props = {
  readonly title: string
  /** The heading of the first column: `Person`. */
  readonly heading: string
  readonly rows: readonly {
    readonly key: string
    readonly name: ComponentChildren
    readonly count: number
  }[]
}

const ROWS_MAX = 8

/** Counts by name, highest first, each with a bar. */
export const RankTable = ({ title, heading, rows }: Props) => {
  const shown = rows.slice(0, ROWS_MAX)
  const others = rows.slice(ROWS_MAX).reduce((sum, { count }) => sum + count, 0)
  const most = Math.max(...rows.map(({ count }) => count), others, 1)
  const all = others > 0 ? [...shown, { key: '…', name: 'All others', count: others }] : shown
  return (
    <table class="rank">
      <caption>{title}</caption>
      <thead class="unseen">
        <tr>
          <th scope="col">{heading}</th>
          <th scope="col">Count</th>
        </tr>
      </thead>
      <tbody>
        {all.map(({ key, name, count }) => (
          <tr key={key}>
            <th scope="row">
              {name}
              <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
                <rect width={(100 * count) / most} height="4" />
              </svg>
            </th>
            <td>{count.toLocaleString(ENGLISH)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

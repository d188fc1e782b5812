import uPlot from 'uplot'

/** Draws a bar for each count into `container`, in the current colours of the page. Returns a
 * function that removes the chart. */
export const drawBars = (
  container: HTMLElement,
  { labels, counts, height }: Bars,
): (() => void) => {
  const style = getComputedStyle(container)
  const colour = (name: string) => style.getPropertyValue(name).trim()
  const bars = uPlot.paths.bars?.({ size: [0.7, 40], radius: 0.2 })
  const axis = {
    stroke: style.color,
    font: `12px ${style.fontFamily}`,
    ticks: { show: false },
  }
  const chart = new uPlot(
    {
      width: container.clientWidth,
      height,
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: [-0.6, Math.max(labels.length - 0.4, 0.6)] },
        y: { range: (_chart, _min, max) => [0, Math.max(max, 1) * 1.1] },
      },
      axes: [
        {
          ...axis,
          size: 30,
          grid: { show: false },
          incrs: [1, 2, 3, 6, 7, 14, 28],
          values: (_chart, splits) => splits.map((at) => labels[at] ?? ''),
        },
        {
          ...axis,
          size: 40,
          incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000],
          grid: { stroke: colour('--line'), width: 1 },
        },
      ],
      series: [
        {},
        {
          fill: colour('--accent'),
          width: 0,
          points: { show: false },
          ...(bars && { paths: bars }),
        },
      ],
    },
    [labels.map((_, at) => at), [...counts]],
    container,
  )
  const fit = new ResizeObserver(() => chart.setSize({ width: container.clientWidth, height }))
  fit.observe(container)
  return () => {
    fit.disconnect()
    chart.destroy()
  }
}

export type Bars = {
  readonly labels: readonly string[]
  readonly counts: readonly number[]
  readonly height: number
}

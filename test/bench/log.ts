import { exported, fill, firstPagesMs, receiptMs, verifiedPerSecond } from './large-log.ts'
import { type Lines, atLeast, atMost, count, figure, say } from './line.ts'

const EVENTS = Number(process.env['BENCH_EVENTS'] ?? 1_000_000)
const EVENTS_FEW = 1000

/** A large log: appending, first pages, receipts, verification, export. */
export async function* logLines(folder: string): Lines {
  await fill(folder, EVENTS_FEW)
  const few = await firstPagesMs(folder)
  say(`filling the log to ${count(EVENTS)} events`)
  const filled = await fill(folder, EVENTS)
  yield {
    what: `append, submissions of 500, to ${count(EVENTS)}`,
    measured: `${count(filled)}/s`,
  }
  for (const [query, ms] of await firstPagesMs(folder))
    yield atMost(1.5, {
      what: `first page at ${count(EVENTS)}, \`${query}\`, relative to that at ${count(EVENTS_FEW)}`,
      value: ms / (few.get(query) ?? Number.NaN),
      unit: ' ×',
      of: `${figure(ms)} ms`,
    })
  yield atMost(1, {
    what: `a receipt at ${count(EVENTS)}`,
    value: await receiptMs(folder),
    unit: ' ms',
  })
  yield atLeast(200_000, {
    what: '`log verify`',
    value: await verifiedPerSecond(folder, EVENTS),
    unit: '/s',
  })
  const { rowsPerSecond, restMiB, peakMiB } = await exported(folder, EVENTS)
  yield {
    what: `export of ${count(EVENTS)}`,
    measured: `${count(rowsPerSecond)}/s, ${count(restMiB)} MiB before, ${count(peakMiB)} MiB at the peak`,
    target: 'constant memory',
  }
}

import { SECOND_MS } from '../../domain/duration.ts'
import type { Queries } from '../queries.ts'

/** How long a unit of work may hold the only writer without a statement. */
const STALL_MS = SECOND_MS

/** Passes on the statements of a unit of work. `stalled` rejects after a second in which none came or ran:
 * the unit of work waits for something else, and all others wait for it. After that, and after `end`, it
 * can run no more statements. */
export const stallWatch = ({ all, get, run }: Queries) => {
  let running = 0
  let isOver = false
  let timer: Timer | undefined
  const { promise: stalled, reject } = Promise.withResolvers<never>()
  // A rejection that nothing waits for is no bug.
  stalled.catch(() => {})

  const over = () => new Error('a transaction waited for something other than its statements')

  const arm = (): void => {
    timer = setTimeout(() => {
      isOver = true
      reject(over())
    }, STALL_MS)
  }

  const watched =
    <Args extends readonly unknown[], Result>(statement: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      if (isOver) throw over()
      clearTimeout(timer)
      running += 1
      try {
        return await statement(...args)
      } finally {
        running -= 1
        if (running === 0 && !isOver) arm()
      }
    }

  arm()
  const tx: Queries = {
    all: watched(all) as Queries['all'],
    get: watched(get) as Queries['get'],
    run: watched(run),
  }
  return {
    tx,
    stalled,
    end: (): void => {
      isOver = true
      clearTimeout(timer)
    },
  }
}

import { houseNowMs } from '../gateway/api.ts'
import { create } from './elements.ts'
import { duration } from './times.ts'

export type Note = {
  readonly words: string
  readonly tone?: 'good' | 'bad' | undefined
  /** It counts down to this time, and is gone then. */
  readonly until?: string | null
}

type NoteElement = {
  readonly element: HTMLElement
  readonly tell: (note: Note) => void
  readonly clear: () => void
}

const SECOND_MS = 1000

/** Empty but present, so that a screen reader reads out what is written into it later. */
const EMPTY = 'empty'

/** Creates a place for notes, which are read out when they change. The countdown is beside them, so that it is not read
 * out each second. `onEnd` is called at its end. */
export const noteElement = (onEnd: () => void = () => {}): NoteElement => {
  let timer: ReturnType<typeof setInterval> | undefined
  const said = create('p', '')
  said.setAttribute('role', 'status')
  const countdown = create('p', 'quiet countdown')
  const element = create('div', EMPTY, said, countdown)

  const write = (words: string, classes: string): void => {
    clearInterval(timer)
    countdown.textContent = ''
    said.textContent = words
    element.className = classes
  }
  const clear = (): void => write('', EMPTY)
  const tell = ({ words, tone, until = null }: Note): void => {
    write(words, `note ${tone ?? ''}`)
    if (until === null) return
    const tick = (): void => {
      const leftMs = Date.parse(until) - houseNowMs()
      countdown.textContent = `in ${duration(leftMs)}`
      if (leftMs > 0) return
      clear()
      onEnd()
    }
    timer = setInterval(tick, SECOND_MS)
    tick()
  }
  return { element, tell, clear }
}

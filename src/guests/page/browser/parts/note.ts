import { houseNowMs } from '../gateway/api.ts'
import { create } from './elements.ts'
import { duration } from './times.ts'

export type Note = {
  readonly words: string
  readonly tone?: 'good' | 'bad' | undefined
  /** When it ends: it counts down to this time. */
  readonly until?: string | null
}

/** Returns what writes a note into an element that is read out when it changes. The countdown is beside it, so that it
 * is not read out each second. */
export const note = (said: HTMLElement): ((note: Note) => void) => {
  let timer: ReturnType<typeof setInterval> | undefined
  const countdown = create('p', 'quiet countdown')
  said.hidden = true
  return ({ words, tone = '', until = null }) => {
    clearInterval(timer)
    countdown.remove()
    said.textContent = words
    said.className = `note ${tone}`
    said.hidden = false
    if (until === null) return
    const tick = (): void => {
      const leftMs = Date.parse(until) - houseNowMs()
      countdown.textContent = leftMs > 0 ? `in ${duration(leftMs)}` : 'now'
      if (leftMs > 0) return
      clearInterval(timer)
      said.hidden = true
    }
    said.after(countdown)
    timer = setInterval(tick, SECOND_MS)
    tick()
  }
}

const SECOND_MS = 1000

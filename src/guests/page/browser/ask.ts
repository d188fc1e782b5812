import { type Pass, call, errorWords, houseNowMs } from './gateway/api.ts'
import { button, create } from './parts/elements.ts'
import { noteElement } from './parts/note.ts'
import { clock } from './parts/times.ts'

/** Creates the button that asks the host for help, and says when they were told. */
export const askForHelp = (pass: Pass): HTMLElement => {
  const { element, tell } = noteElement()
  const ask = button(pass.host === null ? 'Ask for help' : `Ask ${pass.host}`, async () => {
    try {
      await call('POST', 'ask', {})
      tell({ words: toldWords(pass) })
    } catch (error) {
      tell({ words: errorWords(error), tone: 'bad' })
    }
  })
  return create('div', 'help', ask, element)
}

const toldWords = ({ host, home_zone: zone }: Pass): string =>
  `${host ?? 'The house'} was told, ${clock(houseNowMs(), zone)}.`

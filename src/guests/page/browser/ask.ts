import { type Pass, call, errorWords, houseNowMs } from './gateway/api.ts'
import { button, create, status } from './parts/elements.ts'
import { note } from './parts/note.ts'
import { clock } from './parts/times.ts'

/** Creates the button that asks the host for help, and says when they were told. */
export const askForHelp = (pass: Pass): HTMLElement => {
  const said = status()
  const tell = note(said)
  const ask = button(pass.host === null ? 'Ask for help' : `Ask ${pass.host}`, async () => {
    try {
      await call('POST', 'ask', {})
      tell({ words: toldWords(pass) })
    } catch (error) {
      tell({ words: errorWords(error), tone: 'bad' })
    }
  })
  return create('div', 'help', ask, said)
}

/** Says that the host knows: `Ada was told, 09:02.` */
export const toldWords = ({ host, home_zone: zone }: Pass): string =>
  `${host ?? 'The house'} was told, ${clock(houseNowMs(), zone)}.`

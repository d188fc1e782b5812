import { foldedText } from '../../../domain/text/folded-text.ts'
import type { UnlockEvent } from '../../log/event.ts'
import { create, quiet, time } from './elements.ts'

/** The text of an event that a search looks in, folded. */
export const searchedText = (event: UnlockEvent): string => {
  const texts = [
    event.seq,
    time(event.receivedAtMs),
    importedWords(event),
    event.person?.username ?? 'erased',
    event.person?.accountPublicId,
    event.person?.method,
    event.lock,
    resultWords(event),
  ]
  return foldedText(texts.join(' '))
}

/** The row of an event in the table. */
export const eventRow = (event: UnlockEvent, isFault: boolean): HTMLElement => {
  const { person } = event
  const marks = [
    importedWords(event) || (event.isLate ? 'late' : ''),
    event.isTimeUncertain ? 'time uncertain' : '',
  ]
  const received = cell(create('time', time(event.receivedAtMs)))
  const remarks = marks.filter((mark) => mark !== '').join(', ')
  if (remarks) received.append(' ', quiet(remarks))
  const line = create('tr')
  line.setAttribute('role', 'row')
  line.append(
    cell(String(event.seq)),
    received,
    cell(person ? person.username : quiet('erased')),
    cell(person ? person.method : quiet('erased')),
    cell(event.lock),
    cell(resultWords(event)),
  )
  if (isFault) line.className = 'fault'
  return line
}

/** On a phone the cells are no table to the eye, and the style would take their roles away too. */
const cell = (...content: (string | Node)[]): HTMLElement => {
  const created = create('td', ...content)
  created.setAttribute('role', 'cell')
  return created
}

/** For an imported event: the time that the legacy server recorded. */
const importedWords = ({ source, occurredAtMs }: UnlockEvent): string =>
  source === 'imported' && occurredAtMs !== null ? `imported, from ${time(occurredAtMs)}` : ''

const resultWords = ({ result, reason }: UnlockEvent): string =>
  reason ? `${result}: ${reason.replaceAll('_', ' ')}` : result

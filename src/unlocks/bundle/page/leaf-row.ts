import { foldedText } from '../../../domain/text/folded-text.ts'
import type { UnlockEvent } from '../../log/event.ts'
import { type Leaf, isRecord } from '../../log/leaf.ts'
import type { LogRecord } from '../../log/record.ts'
import { create, quiet, time } from './elements.ts'

/** When a leaf was added to the log. */
export const addedMs = (leaf: Leaf): number => (isRecord(leaf) ? leaf.atMs : leaf.receivedAtMs)

export const isErased = (leaf: Leaf): boolean =>
  (isRecord(leaf) ? leaf.body : leaf.person) === undefined

/** The text of an event or record that a search looks in, folded. */
export const searchedText = (leaf: Leaf): string => {
  const texts = isRecord(leaf)
    ? [recordWords(leaf), leaf.body?.text ?? 'erased']
    : [
        importedWords(leaf),
        leaf.person?.username ?? 'erased',
        leaf.person?.accountPublicId,
        leaf.person?.method,
        leaf.lock,
        resultWords(leaf),
      ]
  return foldedText([leaf.seq, time(addedMs(leaf)), ...texts].join(' '))
}

/** The row of an event or record in the table. */
export const leafRow = (leaf: Leaf, isFault: boolean): HTMLElement => {
  const line = create('tr')
  line.setAttribute('role', 'row')
  const marks = [
    isRecord(leaf) ? '' : importedWords(leaf) || (leaf.isLate ? 'late' : ''),
    leaf.isTimeUncertain ? 'time uncertain' : '',
  ]
  const received = cell(create('time', time(addedMs(leaf))))
  const remarks = marks.filter((mark) => mark !== '').join(', ')
  if (remarks) received.append(' ', quiet(remarks))
  line.append(cell(String(leaf.seq)), received, ...(isRecord(leaf) ? record(leaf) : event(leaf)))
  if (isFault) line.className = 'fault'
  return line
}

const event = (unlock: UnlockEvent): readonly HTMLElement[] => {
  const { person } = unlock
  return [
    cell(person ? person.username || quiet('not known') : quiet('erased')),
    cell(person ? person.method : quiet('erased')),
    cell(unlock.lock),
    cell(resultWords(unlock)),
  ]
}

/** What changed, and the text that says more, across the columns that unlocks have. */
const record = (changed: LogRecord): readonly HTMLElement[] => {
  const what = cell(recordWords(changed), ' ', quiet(changed.body?.text ?? 'erased'))
  what.setAttribute('colspan', '4')
  what.className = 'record'
  return [what]
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

const resultWords = ({ result, reason, source, person, reporter }: UnlockEvent): string => {
  if (result === 'permitted') return `the gateway let ${person?.username ?? 'them'} in`
  const why = reason ? `: ${reason.replaceAll('_', ' ')}` : ''
  if (source === 'decided') return `the gateway refused${why}`
  if (source === 'attested') return `${result}${why}, the lock signed it`
  return reporter === undefined ? `${result}${why}` : `${result}${why}, says the lock`
}

/** What was changed: `lock.made` is "lock made". */
const recordWords = ({ kind }: LogRecord): string => kind.replaceAll(/[._]/g, ' ')

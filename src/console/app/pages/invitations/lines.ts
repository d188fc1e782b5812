import { UNIT_CHARACTERS_MAX } from '../../words/unit.ts'

/** What a line begins with; after a comma or a tab, the other may follow. */
export type LineKind = 'unit' | 'label'

/** For whom an invitation is. */
export type Invited = { readonly unit: string; readonly label: string }

/** Invitations in one request. */
const LINES_MAX = 50

/** Returns an invitation for each line that has text. */
export const invitedOn = (text: string, kind: LineKind): readonly Invited[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => {
      const [first, rest] = cut(line)
      return kind === 'unit' ? { unit: first, label: rest } : { unit: rest, label: first }
    })

/** Cuts a line of a spreadsheet at its first tab, and any other at its first comma. */
const cut = (line: string): readonly [string, string] => {
  const mark = line.includes('\t') ? '\t' : ','
  const at = line.indexOf(mark)
  if (at === -1) return [line, '']
  return [
    line.slice(0, at).trim(),
    line
      .slice(at + 1)
      .replaceAll('\t', ' ')
      .trim(),
  ]
}

/** Returns what is wrong with the lines, in a sentence, or undefined. */
export const faultOf = (invited: readonly Invited[]): string | undefined => {
  if (invited.length > LINES_MAX)
    return `There are ${invited.length} lines; send at most ${LINES_MAX} at once.`
  const long = invited.find(({ unit, label }) => isLong(unit) || isLong(label))
  if (!long) return undefined
  const text = isLong(long.unit) ? long.unit : long.label
  return `“${Array.from(text).slice(0, 20).join('')}…” is longer than ${UNIT_CHARACTERS_MAX} characters.`
}

const isLong = (text: string): boolean =>
  Array.from(text.normalize('NFC')).length > UNIT_CHARACTERS_MAX

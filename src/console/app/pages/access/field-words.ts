import { ApiError } from '../../api/client.ts'
import type { FieldErrors } from '../../components/form/field-errors.ts'

/** What people read about a field that the gateway does not accept, by what it accepts. */
const WORDS: readonly (readonly [field: RegExp, words: string])[] = [
  [/^windows\[\d+\]\.days$/, 'Choose at least one day.'],
  [/\.(from|until)$/, 'Enter a time.'],
  [
    /^home_network$/,
    'Behind a proxy or in a container, the gateway cannot tell who is on the Wi-Fi.',
  ],
]

const ENDS: Readonly<Record<string, string>> = {
  'a time in the future': 'This day has passed.',
  'a time after starts_at': 'It would end before it starts.',
  'a time before ends_at': 'It would start after it ends.',
}

/** Returns what the gateway says is wrong with the fields of the form, in words of the form instead of those
 * of the API. */
export const fieldWordsOf = (error: unknown): FieldErrors => {
  if (!(error instanceof ApiError) || error.status !== 400) return {}
  const fields = Object.entries(error.fields)
  return Object.fromEntries(fields.map(([name, accepted]) => [name, wordsFor(name, accepted)]))
}

const wordsFor = (name: string, accepted: string): string =>
  WORDS.find(([field]) => field.test(name))?.[1] ?? ENDS[accepted] ?? `Needs ${accepted}.`

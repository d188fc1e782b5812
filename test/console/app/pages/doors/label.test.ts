import { expect, test } from 'bun:test'
import { proposedLabel, proposedName } from '../../../../../src/console/app/pages/doors/label.ts'

const LABEL = /^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/

const NAMES: readonly (readonly [string, string])[] = [
  ['Front door', 'front-door'],
  ['  Gartentür (äußere) ', 'gartentur-aussere'],
  ['Ada’s flat', 'adas-flat'],
  ['Flat 12 / 2nd floor', 'flat-12-2nd-floor'],
  ['Кухня', 'door-1'],
  ['勝手口', 'door-1'],
  ['Northumberland Avenue 117, back door', 'northumberland-avenue-117-back-d'],
]

for (const [name, label] of NAMES)
  test(`the label of “${name}” is ${label}`, () => {
    expect(proposedLabel(name, [])).toBe(label)
    expect(label).toMatch(LABEL)
  })

test('a label that is taken gets a number, and stays short enough', () => {
  expect(proposedLabel('Garage', ['garage'])).toBe('garage-2')
  expect(proposedLabel('Garage', ['garage', 'garage-2'])).toBe('garage-3')
  expect(proposedLabel('Кухня', ['door-1'])).toBe('door-2')
  const long = 'a'.repeat(40)
  const taken = [proposedLabel(long, [])]
  expect(proposedLabel(long, taken)).toBe(`${'a'.repeat(30)}-2`)
})

test('a label that phones report is a name in words', () => {
  expect(proposedName('cellar-door')).toBe('Cellar door')
  expect(proposedName('')).toBe('')
})

import { describe, expect, test } from 'bun:test'
import { faultOf, invitedOn } from '../../../../../src/console/app/pages/invitations/lines.ts'

describe('lines that become invitations', () => {
  test('name a flat, and after a comma or a tab the person', () => {
    const text = 'Flat 1\r\n\n  Flat 2 , Miller, Ada \nFlat 3\tGrace, the elder\n , the caretaker\n'
    expect(invitedOn(text, 'unit')).toStrictEqual([
      { unit: 'Flat 1', label: '' },
      { unit: 'Flat 2', label: 'Miller, Ada' },
      { unit: 'Flat 3', label: 'Grace, the elder' },
      { unit: '', label: 'the caretaker' },
    ])
  })

  test('or name a person, and then the flat', () => {
    expect(invitedOn('Ada\nGrace, Flat 2\nEve\tFlat 3\tleft', 'label')).toStrictEqual([
      { unit: '', label: 'Ada' },
      { unit: 'Flat 2', label: 'Grace' },
      { unit: 'Flat 3 left', label: 'Eve' },
    ])
  })

  test('are up to 50, of up to 80 composed characters each', () => {
    const lines = (count: number, text: string) => Array.from({ length: count }, () => text)
    const fault = (all: readonly string[]) => faultOf(invitedOn(all.join('\n'), 'unit'))
    expect(fault([])).toBeUndefined()
    expect(fault(lines(50, 'é'.normalize('NFD').repeat(80)))).toBeUndefined()
    expect(fault(lines(50, '🏠'.repeat(80)))).toBeUndefined()
    expect(fault(lines(51, 'x'))).toBe('There are 51 lines; send at most 50 at once.')
    expect(fault(['Flat 1', `Flat 2, ${'🏠'.repeat(81)}`])).toBe(
      `“${'🏠'.repeat(20)}…” is longer than 80 characters.`,
    )
  })
})

import { describe, expect, test } from 'bun:test'
import {
  type ControllerChecks,
  controllerFindings,
} from '../../../src/ops/findings/controller-findings.ts'

const controller = (parts: Partial<ControllerChecks['controllers'][number]> = {}) => ({
  lock: 'front-door',
  name: 'Pi',
  isForked: false,
  isSilent: false,
  trustsOtherKey: false,
  gaps: 0,
  ...parts,
})

const saidOf = (
  controllers: ControllerChecks['controllers'],
  isKeyMissing = false,
): readonly string[] =>
  controllerFindings({ controllers, isKeyMissing }).map(({ state, says }) => `${state}: ${says}`)

describe('what the doctor says of controllers', () => {
  test('nothing without one, and one sentence if all is well', () => {
    expect(saidOf([])).toBeEmpty()
    expect(saidOf([controller()])).toStrictEqual(['ok: Every controller is waiting for commands'])
  })

  test('warns of one that is silent, or of which reports are missing', () => {
    expect(saidOf([controller({ isSilent: true }), controller({ gaps: 2 })])).toStrictEqual([
      'warning: The controller Pi of the lock front-door has stopped answering',
      'warning: Reports of the controller Pi of the lock front-door are missing',
    ])
  })

  test('calls it a fault if a lock does not open any more', () => {
    const states = [
      ...controllerFindings({ controllers: [controller({ isForked: true })], isKeyMissing: true }),
      ...controllerFindings({
        controllers: [controller({ trustsOtherKey: true, isSilent: true })],
        isKeyMissing: false,
      }),
    ].map(({ state, id }) => [state, id])
    expect(states).toStrictEqual([
      ['fault', undefined],
      ['fault', undefined],
      ['fault', undefined],
    ])
  })

  test('gives each controller a warning of its own to accept, and a new one for new gaps', () => {
    const ids = controllerFindings({
      controllers: [
        controller({ isSilent: true }),
        controller({ isSilent: true, name: 'ESP' }),
        controller({ gaps: 1 }),
        controller({ gaps: 2 }),
      ],
      isKeyMissing: false,
    }).map(({ id }) => id)
    expect(new Set(ids).size).toBe(4)
  })
})

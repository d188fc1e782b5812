import { describe, expect, test } from 'bun:test'
import { type BrokerCheck, brokerFindings } from '../../../src/ops/findings/broker.ts'

const CLOSED: BrokerCheck = {
  address: 'mqtt://192.168.1.5:1883',
  protocol: '5',
  fault: undefined,
  isOpen: false,
  operated: ['front-door'],
}

describe('the broker', () => {
  test('is not mentioned without the setting', () => {
    expect(brokerFindings(undefined)).toStrictEqual([])
  })

  test('that answers, and only to those with a password, is fine', () => {
    expect(brokerFindings(CLOSED)).toStrictEqual([
      {
        check: 'mqtt',
        state: 'ok',
        says: 'The broker mqtt://192.168.1.5:1883 answers, by MQTT 5',
      },
    ])
  })

  test('that accepts anyone is a fault if its messages open a door, and a warning if not', () => {
    const open = { ...CLOSED, isOpen: true }
    expect(brokerFindings(open)).toMatchObject([
      {
        state: 'fault',
        says: expect.stringContaining('can open front-door'),
        fix: expect.stringContaining('lock operator front-door --remove'),
      },
    ])
    expect(brokerFindings({ ...open, operated: [] })).toMatchObject([
      { state: 'warning', id: 'mqtt-open', says: expect.stringContaining('can read who') },
    ])
  })

  test('that does not answer is a warning with the reason', () => {
    const fault = 'The broker refuses the name or the password'
    expect(brokerFindings({ ...CLOSED, fault })).toMatchObject([
      { state: 'warning', id: 'mqtt-no-connection', says: fault },
    ])
  })
})

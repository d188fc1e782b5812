import { expect, test } from 'bun:test'
import {
  passText,
  reachOf,
  withoutHolder,
} from '../../../../../src/console/app/pages/guests/pass-text.ts'

test.each([
  ['http://localhost:3000', 'machine'],
  ['http://127.0.0.1:3000', 'machine'],
  ['http://[::1]:3000', 'machine'],
  ['http://192.168.1.20:3000', 'wifi'],
  ['http://10.0.0.2', 'wifi'],
  ['http://172.31.0.2', 'wifi'],
  ['http://100.100.3.4', 'wifi'],
  ['https://[fd12:3456::1]:8443', 'wifi'],
  ['https://gateway:8443', 'wifi'],
  ['https://lock.home:8443', 'wifi'],
  ['https://lock.fritz.box', 'wifi'],
  ['http://172.32.0.2', 'names'],
  ['http://100.128.3.4', 'names'],
  ['https://[2001:db8::1]', 'names'],
  ['https://lock.example.org', 'names'],
] as const)('a link to %s works from: %s', (address, from) => {
  expect(reachOf(address).from).toBe(from)
})

const LINK = 'https://lock.home:8443/guest#pass=Z4kq9S8xYt3mWvB1cN5dEg'

const PASS = {
  name: 'Eva',
  words: 'Front door · until 30 November',
  link: LINK,
  isWarned: false,
  wifi: '',
  wifiPassword: '',
}

test('the text has the link alone on a line, what it opens, and where it works', () => {
  expect(passText(PASS)).toBe(
    `Hello Eva, this link opens the door for you:
${LINK}
Front door · until 30 November
It works only on our Wi-Fi.
Open it on the phone that you will have with you: it is then tied to that phone.`,
  )
})

test('the text names the Wi-Fi, and says that the phone will warn', () => {
  const lines = passText({ ...PASS, isWarned: true, wifi: ' Guests ', wifiPassword: 'a b' })
    .split('\n')
    .slice(3)
  expect(lines).toEqual([
    'It works only on our Wi-Fi: Guests, password: a b',
    'Open it on the phone that you will have with you: it is then tied to that phone.',
    'Your phone will warn that the connection is not private, because it does not know our certificate. Choose “Advanced” or “Show Details”, and continue.',
  ])
})

test('a link that works elsewhere does not need the Wi-Fi', () => {
  const link = 'https://lock.example.org/guest#pass=Z4kq9S8xYt3mWvB1cN5dEg'
  expect(passText({ ...PASS, link })).not.toContain('Wi-Fi')
  expect(passText({ ...PASS, link, wifi: 'Guests' })).toContain('\nOur Wi-Fi: Guests\n')
})

test('the words of a grant are shown without the guest, whose name may have any signs', () => {
  expect(withoutHolder('A · B · Front door · always', 'A · B')).toBe('Front door · always')
  expect(withoutHolder('Front door · always', 'Eva')).toBe('Front door · always')
})

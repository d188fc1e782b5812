import { expect, test } from 'bun:test'
import { stripVTControlCharacters } from 'node:util'
import { encode } from 'uqr'
import { qrSvg, qrTerminal } from '../../../src/http/page/qr.ts'

const TEXT = 'http://192.168.1.20:8080/'

/** The modules shown in a terminal. */
const modulesOf = (picture: string): boolean[][] =>
  picture.split('\n').flatMap((line) => {
    const signs = Array.from(stripVTControlCharacters(line))
    return [signs.map((sign) => '█▀'.includes(sign)), signs.map((sign) => '█▄'.includes(sign))]
  })

test('a terminal shows every module of a QR code, with its quiet zone', () => {
  const { data } = encode(TEXT, { border: 4 })
  expect(modulesOf(qrTerminal(TEXT)).slice(0, data.length)).toStrictEqual(data)
  expect(data[0]?.some(Boolean)).toBe(false)
  expect(data.length).toBeGreaterThan(25)
})

test('the image is an SVG of the same code, without its text', () => {
  const svg = qrSvg(TEXT)
  expect(svg).toStartWith('<svg')
  expect(svg).not.toContain('192.168')
})

import { encode, renderSVG } from 'uqr'

/** Returns a QR code (ISO/IEC 18004) of a text as an SVG image, black on white. */
export const qrSvg = (text: string): string => renderSVG(text, { border: QUIET_MODULES })

/** Returns a QR code for a terminal: two modules per character, black on white regardless of its colours. */
export const qrTerminal = (text: string): string => {
  const { data } = encode(text, { border: QUIET_MODULES })
  const lines: string[] = []
  for (let y = 0; y < data.length; y += 2) {
    const pairs = (data[y] ?? []).map((upper, x) => halves(upper, data[y + 1]?.[x] ?? false))
    lines.push(`${BLACK_ON_WHITE}${pairs.join('')}${RESET}`)
  }
  return lines.join('\n')
}

/** The white border that scanners need. */
const QUIET_MODULES = 4

const BLACK_ON_WHITE = '\u001b[38;5;16;48;5;231m'
const RESET = '\u001b[0m'

const halves = (upper: boolean, lower: boolean): string =>
  upper ? (lower ? '█' : '▀') : lower ? '▄' : ' '

import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Command, type Options, UsageError } from '../command/command.ts'
import { runController } from './run.ts'

export const CONTROLLER_OPTIONS = {
  gateway: {
    type: 'string',
    value: 'URL',
    summary: 'the address of the gateway; stored in the state folder once enrolled',
  },
  'ca-sha256': {
    type: 'string',
    value: 'HEX',
    summary: 'the SHA-256 fingerprint of its CA or certificate, as `tls init` shows it',
  },
  code: {
    type: 'string',
    value: 'CODE',
    summary: 'the one-time code that enrols this controller',
  },
  state: {
    type: 'string',
    value: 'DIR',
    default: './lock-controller',
    summary: 'the folder for its key and reports',
  },
  name: { type: 'string', value: 'NAME', summary: 'its name at the gateway [the host name]' },
  open: { type: 'string', value: 'COMMAND', summary: 'the command that opens the door, run by sh' },
  close: {
    type: 'string',
    value: 'COMMAND',
    summary: 'the command that closes it, run at the start, after each opening and at the end',
  },
  'open-seconds': {
    type: 'string',
    value: 'SECONDS',
    default: '5',
    summary: 'how long it stays open, from 1 to 20',
  },
  sense: {
    type: 'string',
    value: 'COMMAND',
    summary: 'the command that reads a sensor: exits with 0 while the door is open',
  },
  'sense-seconds': {
    type: 'string',
    value: 'SECONDS',
    default: '10',
    summary: 'how long to wait for the sensor after an opening, from 1 to 60',
  },
  'dry-run': { type: 'boolean', summary: 'print OPEN and CLOSE, and move nothing' },
  'enrol-only': { type: 'boolean', summary: 'exit once enrolled' },
  'plain-http': {
    type: 'boolean',
    summary:
      'allow http:// to another machine, though anybody on the network can then read the token and, while it enrols, take it over',
  },
} as const satisfies Options

/** Moves the bolt of a lock when the gateway lets somebody in, and signs what happened. */
export const controller: Command = {
  summary: 'be the controller at a door, and sign what it does',
  details:
    'For the machine at the door, such as a Raspberry Pi with a relay. An owner creates the one-time code on the page of the door, with the API, or with lock controller add. The door opens only for commands that the gateway signed for this controller’s newest request. Every opening is signed and on disk before the bolt moves. If the command that opens exits with 3, the bolt is blocked; with anything else but 0, it failed. For the wiring, see `help controller manual`.',
  options: CONTROLLER_OPTIONS,
  examples: {
    'enrol, and print instead of moving a bolt':
      'secure-lock-server controller --gateway https://lock.home:8080 --ca-sha256 2987b0… --code 4f1c… --dry-run',
    'once enrolled':
      "secure-lock-server controller --open 'gpioset --mode=time --sec=5 --background gpiochip0 17=1'",
  },
  exitStatus: { 1: 'the gateway refused the code, or the door could not be closed at the end' },
  run: async (args, terminal) => {
    const { values } = parseArgs({ args: [...args], options: CONTROLLER_OPTIONS })
    const isDryRun = values['dry-run'] === true
    const isEnrolOnly = values['enrol-only'] === true
    if (!isDryRun && !isEnrolOnly && values.open === undefined)
      throw new UsageError('--open is missing; --dry-run prints instead of moving a bolt')
    if (isDryRun && (values.open !== undefined || values.close !== undefined))
      throw new UsageError('--dry-run cannot be combined with --open or --close')
    const gateway = gatewayUrl(values.gateway, values['plain-http'] === true)
    const caSha256 = fingerprint(values['ca-sha256'])
    if (gateway?.protocol === 'http:' && caSha256 !== undefined)
      throw new UsageError('--ca-sha256 is for https://')
    return runController(
      {
        folder: resolve(values.state),
        gateway,
        caSha256,
        code: values.code?.trim(),
        name: values.name ?? hostname(),
        isEnrolOnly,
        open: values.open,
        close: values.close,
        openMs: secondsIn('--open-seconds', values['open-seconds'], 20) * 1000,
        sense: values.sense,
        senseMs: secondsIn('--sense-seconds', values['sense-seconds'], 60) * 1000,
      },
      terminal,
    )
  },
}

const gatewayUrl = (text: string | undefined, allowsHttp: boolean): URL | undefined => {
  if (text === undefined) return undefined
  const url = URL.parse(text)
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.search || url.hash || url.username)
    throw new UsageError('--gateway must be an address such as https://lock.home:8080')
  if (url.protocol === 'http:' && !allowsHttp && !isLoopback(url.hostname))
    throw new UsageError(
      '--gateway with http:// lets anybody on the network read the token of this controller and, while it enrols, take it over; use https://, or add --plain-http',
    )
  return url
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || /^127(\.\d+){3}$/.test(host)

const fingerprint = (text: string | undefined): string | undefined => {
  if (text === undefined) return undefined
  const hex = text.replaceAll(':', '').toLowerCase()
  if (!/^[0-9a-f]{64}$/.test(hex))
    throw new UsageError('--ca-sha256 must be the 64 hexadecimal digits that tls init shows')
  return hex
}

const secondsIn = (name: string, text: string, most: number): number => {
  const seconds = Number(text)
  if (text.trim() === '' || !(seconds >= 1 && seconds <= most))
    throw new UsageError(`${name} must be a number from 1 to ${most}`)
  return seconds
}

import { expect, test } from 'bun:test'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runCommand, temporaryFolder } from '../../support/binary.ts'
import { controllerGateway } from '../../support/controller-gateway.ts'
import { controllerPlace } from '../../support/controller-place.ts'
import { until } from '../../support/until.ts'

const hasSystemd = process.env['REQUIRE_SYSTEMD'] === '1' || Bun.which('systemd-analyze') !== null

/** The highest exposure level that systemd may report for the unit, in tenths: 0 is safest, 100 is worst. */
const EXPOSURE_MAX = 18

const printed = (...args: readonly string[]) => runCommand(['systemd-unit', 'controller', ...args])

/** The words of a command line in a unit, as systemd.service(5) reads them. */
const wordsOf = (line: string, stateFolder: string): readonly string[] =>
  [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, quoted, bare = '']) =>
    (quoted ?? bare)
      .replaceAll('%S/secure-lock-controller', stateFolder)
      .replaceAll(/\\(.)|%%|\$\$/g, (all, escaped?: string) => escaped ?? all.charAt(0)),
  )

const lineOf = (unit: string, name: string): string =>
  new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1] ?? ''

test('the unit starts the controller with the commands as they were given, and closes after a crash', async () => {
  await using gateway = await controllerGateway()
  await using place = controllerPlace()
  const bolt = join(place.folder, 'bolt')
  const open = `printf '%s\\n' "open $((1 + 1)) 50%" >> ${bolt}; sleep 30 >/dev/null 2>&1`
  const close = `test -n "$HOME" || printf '%s\\n' 'close "\\"' >> ${bolt}`
  const { status, out } = await printed('--open', open, '--close', close, '--open-seconds=7')
  expect(status).toBe(0)
  expect(out).not.toMatch(/@[A-Z_]+@/)
  const [program = '', ...args] = wordsOf(lineOf(out, 'ExecStart'), place.state)
  expect(args.slice(2)).toStrictEqual([
    `--open=${open}`,
    `--close=${close}`,
    '--open-seconds=7',
    '--sense-seconds=10',
  ])
  await place.start([...gateway.args, '--enrol-only']).exited()
  const door = Bun.spawn([program, ...args], { env: { PATH: '/usr/bin:/bin' }, stderr: 'ignore' })
  await gateway.command('0198a3f0-7c1d-7e52-8a5b-000000000001')
  await until(() => place.bolt().length === 2)
  door.kill('SIGKILL')
  await door.exited
  const stop = wordsOf(lineOf(out, 'ExecStopPost'), place.state)
  await Bun.spawn([...stop], { env: {} }).exited
  expect(place.bolt()).toStrictEqual(['close "\\"', 'open 2 50%', 'close "\\"'])
})

test('the unit may use pins and no other device', async () => {
  const { out } = await printed('--open=true', '--close=true', '--user=door', '--group=pins')
  expect(out).toMatch(/^User=door$/m)
  expect(out).toMatch(/^SupplementaryGroups=pins$/m)
  expect(out).toMatch(/^DevicePolicy=closed$/m)
  expect([...out.matchAll(/^DeviceAllow=(.*)$/gm)].map(([, device]) => device)).toStrictEqual([
    'char-gpiochip rw',
  ])
})

test('a unit without a command that opens, or with a line too many, is refused', async () => {
  expect((await printed('--close=true')).status).toBe(2)
  expect((await printed('--open=true\nUser=root')).status).toBe(2)
  expect((await printed('--open=true', '--user', 'root\nExecStartPre=/bin/sh')).status).toBe(2)
  const { status, words } = await printed('--open=true')
  expect(status).toBe(0)
  expect(words).toContain('Without --close, nothing closes the door after a crash')
})

test.if(hasSystemd)('the unit passes systemd’s checks, with a low exposure level', async () => {
  const folder = temporaryFolder()
  const unit = join(folder, 'secure-lock-controller.service')
  const commands = [
    '--open',
    `echo "$X" 50% \\`,
    '--close',
    'true',
    '--user=daemon',
    '--group=daemon',
  ]
  writeFileSync(unit, (await printed(...commands)).out)
  const analyzed = (...args: readonly string[]) => {
    const run = Bun.spawnSync(['systemd-analyze', ...args, unit], { stderr: 'pipe' })
    return `${run.exitCode} ${run.stdout.toString()}${run.stderr.toString()}`
  }
  expect(
    analyzed('verify')
      .split('\n')
      .filter((line) => line.includes('secure-lock')),
  ).toStrictEqual([])
  expect(
    analyzed('security', '--offline=true', `--threshold=${EXPOSURE_MAX}`, '--no-pager'),
  ).toMatch(/^0 /)
  rmSync(folder, { recursive: true })
})

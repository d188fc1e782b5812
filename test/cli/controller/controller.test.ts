import { expect, test } from 'bun:test'
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { runCommand } from '../../support/binary.ts'
import { controllerGateway } from '../../support/controller-gateway.ts'
import { controllerPlace } from '../../support/controller-place.ts'
import { payloadHash } from '../../../src/domain/statement/statement.ts'
import { testKey } from '../../support/statements.ts'
import { until } from '../../support/until.ts'
import { IS_POSTGRES } from '../../support/test-server.ts'

const attempt = (number: number): string =>
  `0198a3f0-7c1d-7e52-8a5b-${String(number).padStart(12, '0')}`

const A = attempt(1)
const B = attempt(2)

test('a dry run prints OPEN and CLOSE, and signs what it did as a chain', async () => {
  await using gateway = await controllerGateway()
  await using place = controllerPlace()
  // A proxy that the environment names is not for a gateway at home.
  const door = place.start([...gateway.args, '--dry-run', '--open-seconds=1'], {
    HTTP_PROXY: 'http://127.0.0.1:9',
    HTTPS_PROXY: 'http://127.0.0.1:9',
  })
  await gateway.command(A)
  await door.says('OPEN')
  await until(() => door.output.out.trim().split('\n').length === 3)
  expect(door.output.out.trim().split('\n')).toStrictEqual(['CLOSE', 'OPEN', 'CLOSE'])
  await until(() => gateway.reports.length === 3)
  expect(gateway.reports).toMatchObject([
    { counter: 1, result: 'started', clockUnsure: false },
    { counter: 2, result: 'opening', attempt: A },
    { counter: 3, result: 'released', attempt: A },
  ])
  expect(gateway.reports[0]?.previous).toStrictEqual(new Uint8Array(32))
  for (const at of [1, 2])
    expect(gateway.reports[at]?.previous).toStrictEqual(
      await payloadHash(gateway.statements[at - 1] ?? new Uint8Array()),
    )
  expect(await door.stop()).toBe(0)
  expect(statSync(place.state).mode & 0o777).toBe(0o700)
  for (const name of readdirSync(place.state))
    expect([name, statSync(join(place.state, name)).mode & 0o777]).toStrictEqual([name, 0o600])
})

test('once enrolled, a controller needs neither code nor address', async () => {
  await using gateway = await controllerGateway()
  await using place = controllerPlace()
  const first = place.start([...gateway.args, '--enrol-only'])
  expect(await first.exited()).toBe(0)
  const again = place.start([...gateway.args, '--enrol-only'])
  expect(await again.exited()).toBe(0)
  expect(again.output.words).toContain('Already enrolled at the lock front-door')
  const door = place.start([place.open, '--open-seconds=1'])
  await gateway.command(A)
  await until(() => gateway.results(A).includes('released'))
  expect(place.bolt()).toStrictEqual(['open'])
  expect(await door.stop()).toBe(0)
})

test('a wrong code ends the program and says so; without one there is nothing to do', async () => {
  await using gateway = await controllerGateway()
  await using place = controllerPlace()
  const wrong = place.start(['--gateway', gateway.url, '--code', 'wrong', '--dry-run'])
  expect(await wrong.exited()).toBe(1)
  expect(wrong.output.words).toContain(
    'does not enrol this controller: HTTP 404, The code is wrong',
  )
  const none = place.start(['--gateway', gateway.url, '--dry-run'])
  expect(await none.exited()).toBe(2)
  expect(none.output.words).toContain('--code is missing')
})

test('a command that comes twice opens once', async () => {
  await using gateway = await controllerGateway()
  await using place = controllerPlace()
  place.start([...gateway.args, place.open, '--open-seconds=1'])
  const nonce = await gateway.polled()
  const command = await gateway.sign(A, nonce)
  gateway.send([command, command, await gateway.sign(A, nonce)])
  await until(() => gateway.results(A).includes('released'))
  // As the gateway does until it has the report.
  await gateway.command(A)
  await gateway.command(B)
  await until(() => gateway.results(B).includes('released'))
  expect(gateway.results()).toStrictEqual(['started', 'opening', 'released', 'opening', 'released'])
  expect(place.bolt()).toStrictEqual(['open', 'open'])
})

test('only a command of the door key, for this lock and the newest poll, opens', async () => {
  await using gateway = await controllerGateway()
  await using place = controllerPlace()
  const door = place.start([...gateway.args, place.open])
  const recorded = await gateway.sign(A, await gateway.polled())
  gateway.send([])
  await gateway.polled()
  gateway.send([recorded])
  await door.says('A command is for another poll, perhaps a recorded one: ignored')

  gateway.send([await gateway.sign(A, await gateway.polled(), { key: await testKey() })])
  await door.says('A command was not signed by the door key: ignored')

  const lock = '0198a3f0-7c1d-7e52-8a5b-e4c76e2f13d1'
  gateway.send([await gateway.sign(A, await gateway.polled(), { lock })])
  await door.says('A command is for another lock: ignored')

  await gateway.polled()
  gateway.send([new Uint8Array(), new Uint8Array(100_000), Uint8Array.of(0x84)])
  await gateway.polled()
  expect(place.bolt()).toStrictEqual([])
  expect(gateway.results()).toStrictEqual(['started'])
})

test('a door key that the old one signed is followed, one that it did not sign is not', async () => {
  await using gateway = await controllerGateway()
  await using place = controllerPlace()
  const args = [place.open, '--open-seconds=1']
  const door = place.start([...gateway.args, ...args])
  await gateway.polled()
  const old = gateway.doorKey()
  await gateway.rotate()
  await gateway.rotate()
  gateway.send([])
  await door.says('the old one signed that it follows')
  gateway.send([await gateway.sign(A, await gateway.polled(), { key: old })])
  await door.says('not signed by the door key')
  await gateway.command(A)
  await until(() => gateway.results(A).includes('released'))
  // It is kept.
  await door.stop()
  place.start(args)
  await gateway.command(B)
  await until(() => gateway.results(B).includes('released'))
})

test('the gateway may be away while reports wait: they come in order, and those it asks for again', async () => {
  await using gateway = await controllerGateway()
  await using place = controllerPlace()
  const door = place.start([...gateway.args, place.open, '--open-seconds=1'])
  await gateway.polled()
  await until(() => gateway.reports.length === 1)
  const nonce = await gateway.polled()
  const command = await gateway.sign(A, nonce)
  gateway.state.refusesReports = () => new Response('busy', { status: 503 })
  gateway.send([command])
  await door.says('Cannot send reports: HTTP 503. Trying again')
  await until(() => place.bolt().length === 1)
  gateway.state.refusesReports = undefined
  await until(() => gateway.reports.length === 3)
  expect(gateway.reports.map(({ counter }) => counter)).toStrictEqual([1, 2, 3])

  await gateway.polled()
  gateway.state.want = [[1, 2]]
  gateway.send([])
  await until(() => gateway.received.length === 5)
  expect(gateway.received).toStrictEqual([1, 2, 3, 1, 2])
})

test('a gateway that was restored from a backup gets what it misses again, once', async () => {
  await using gateway = await controllerGateway()
  await using place = controllerPlace()
  place.start([...gateway.args, '--dry-run', '--open-seconds=1'])
  await gateway.command(A)
  await until(() => gateway.received.length === 3)
  // It never says that it has them; what was never signed cannot come.
  gateway.state.missing = [
    [1, 2],
    [90, 99],
  ]
  await gateway.command(B)
  await until(() => gateway.results(B).includes('released'))
  await gateway.command(attempt(3))
  await until(() => gateway.results(attempt(3)).includes('released'))
  await until(() => gateway.received.filter((counter) => counter === 1).length > 1)
  const own = gateway.received.filter((counter) => counter > 2)
  expect(own).toStrictEqual([3, 4, 5, 6, 7])
  // Once for each answer to a new report, of which there were four at most.
  expect(gateway.received.length).toBeLessThanOrEqual(7 + 2 * 4)
})

test('a report that the gateway refuses for good does not keep the others from it', async () => {
  await using gateway = await controllerGateway()
  await using place = controllerPlace()
  let refusals = 2
  gateway.state.refusesReports = () => {
    refusals -= 1
    if (refusals === 0) gateway.state.refusesReports = undefined
    return Response.json({ detail: 'Not a report of this controller' }, { status: 400 })
  }
  const door = place.start([...gateway.args, place.open, '--open-seconds=1'])
  await door.says('The gateway refuses report 1: HTTP 400, Not a report of this controller')
  await gateway.command(A)
  await until(() => gateway.results(A).includes('released'))
  expect(gateway.reports.map(({ counter }) => counter)).toStrictEqual([2, 3])
})

test('no report is lost to a network that answers everything with 200, such as its login page', async () => {
  await using gateway = await controllerGateway()
  await using place = controllerPlace()
  gateway.state.refusesReports = () => new Response('<html>Log in</html>')
  const door = place.start([...gateway.args, '--dry-run'])
  await door.says('Cannot send reports: It does not answer as a gateway')
  gateway.state.refusesReports = undefined
  await until(() => gateway.results().includes('started'))
  expect(gateway.reports.map(({ counter }) => counter)).toStrictEqual([1])
})

test('an unreachable gateway is asked again until it answers, and the log says so once', async () => {
  await using gateway = await controllerGateway()
  await using place = controllerPlace()
  const door = place.start([...gateway.args, place.open, '--open-seconds=1'])
  await gateway.polled()
  gateway.state.isAway = true
  gateway.hangUp()
  await door.says('No commands from the gateway: ')
  gateway.state.isAway = false
  await gateway.command(A)
  await until(() => gateway.results(A).includes('released'))
  await door.says('The gateway answers again')
  expect(door.output.words.split('No commands from the gateway').length).toBe(2)
})

test('a failed command is reported with its cause, and the bolt is closed all the same', async () => {
  await using gateway = await controllerGateway()
  await using place = controllerPlace()
  place.start([
    ...gateway.args,
    // Blocked the first time, then broken.
    '--open=if [ -e blocked ]; then exit 1; else touch blocked; exit 3; fi',
    place.close,
  ])
  await gateway.command(A)
  await until(() => gateway.results(A).length === 2)
  await gateway.command(B)
  await until(() => gateway.results(B).length === 2)
  expect(gateway.results(A)).toStrictEqual(['opening', 'motor_blocked'])
  expect(gateway.results(B)).toStrictEqual(['opening', 'command_failed'])
  await until(() => place.bolt().length === 3)
})

test('SIGTERM while the door is open closes it', async () => {
  await using gateway = await controllerGateway()
  await using place = controllerPlace()
  const door = place.start([...gateway.args, place.open, place.close, '--open-seconds=20'])
  await gateway.command(A)
  await until(() => gateway.results(A).includes('released'))
  expect(place.bolt()).toStrictEqual(['close', 'open'])
  expect(await door.stop()).toBe(0)
  expect(place.bolt().slice(0, 3)).toStrictEqual(['close', 'open', 'close'])
})

test('after a kill while open, the next start closes the door and reports the interruption', async () => {
  await using gateway = await controllerGateway()
  await using place = controllerPlace()
  const args = ['--open', 'exec >/dev/null 2>&1; echo open >> bolt; sleep 60', place.close]
  const door = place.start([...gateway.args, ...args])
  await gateway.command(A)
  await until(() => place.bolt().includes('open'))
  await door.stop('SIGKILL')
  // Its command may live on; systemd would end it.
  place.start(args)
  await until(() => gateway.reports.length === 4)
  expect(place.bolt()).toStrictEqual(['close', 'open', 'close'])
  expect(gateway.reports).toMatchObject([
    { counter: 1, result: 'started' },
    { counter: 2, result: 'opening', attempt: A },
    { counter: 3, result: 'interrupted', attempt: A },
    { counter: 4, result: 'started' },
  ])
})

test('a sensor tells that the door opened, that nobody pushed, and that it opened unasked', async () => {
  await using gateway = await controllerGateway()
  await using place = controllerPlace()
  const contact = join(place.folder, 'contact')
  place.start([
    ...gateway.args,
    place.open,
    '--open-seconds=1',
    `--sense=test -e ${contact}`,
    '--sense-seconds=2',
  ])
  await until(() => gateway.results().includes('started'))
  await gateway.command(A)
  await until(() => place.bolt().length === 1)
  await Bun.write(contact, '')
  await until(() => gateway.results(A).length === 2)
  expect(gateway.results(A)).toStrictEqual(['opening', 'unlocked'])

  await Bun.file(contact).delete()
  await gateway.command(B)
  await until(() => gateway.results(B).length === 2)
  expect(gateway.results(B)).toStrictEqual(['opening', 'released'])

  await Bun.write(contact, '')
  await until(() => gateway.results().includes('opened_unasked'))
  expect(gateway.reports.at(-1)?.attempt).toBeUndefined()
})

test('a command that closes is tried again until it succeeds, and each failure is logged', async () => {
  await using gateway = await controllerGateway()
  await using place = controllerPlace()
  const door = place.start([
    ...gateway.args,
    place.open,
    '--open-seconds=1',
    `--close=test -e works && echo close >> bolt`,
  ])
  await door.says('THE DOOR MAY BE OPEN')
  await Bun.write(join(place.folder, 'works'), '')
  await door.says('The command that closes the door succeeded')
  expect(place.bolt()).toStrictEqual(['close'])
})

test('those who ask while the door is open share the next opening', async () => {
  await using gateway = await controllerGateway()
  await using place = controllerPlace()
  place.start([...gateway.args, place.open, '--open-seconds=1'])
  await gateway.command(attempt(10))
  await until(() => place.bolt().length === 1)
  const nonce = await gateway.polled()
  gateway.send(await Promise.all([11, 12, 13].map((one) => gateway.sign(attempt(one), nonce))))
  for (const one of [11, 12, 13])
    await until(() => gateway.results(attempt(one)).includes('released'))
  expect(place.bolt()).toStrictEqual(['open', 'open'])
})

test('two controllers do not share a state folder, and commands take it for no service', async () => {
  await using gateway = await controllerGateway()
  await using place = controllerPlace()
  place.start([...gateway.args, '--dry-run'])
  await gateway.polled()
  const second = place.start(['--dry-run'])
  expect(await second.exited()).toBe(1)
  expect(second.output.words).toContain(`${place.state}: another controller runs there`)
  // A home on a server is in no folder.
  if (IS_POSTGRES) return
  const beside = await runCommand(['user', 'list'], { folder: place.folder, env: { DATA_DIR: '' } })
  expect(beside.words).toContain('There is no database')
  expect(beside.words).not.toContain(place.state)
})

test('a line that was cut by a power cut is dropped, and its counter used again', async () => {
  await using gateway = await controllerGateway()
  await using place = controllerPlace()
  const door = place.start([...gateway.args, '--dry-run'])
  await until(() => gateway.reports.length === 1)
  await door.stop()
  const path = join(place.state, 'reports')
  await Bun.write(path, `${readFileSync(path, 'utf8')}hEOhASag`)
  const again = place.start(['--dry-run'])
  await until(() => gateway.reports.length === 2)
  expect(gateway.reports[1]).toMatchObject({ counter: 2, result: 'started' })
  await again.stop()
  await Bun.write(path, `${readFileSync(path, 'utf8')}hEOhASag\n`)
  const damaged = place.start(['--dry-run'])
  expect(await damaged.exited()).toBe(1)
  expect(damaged.output.words).toContain('is damaged: remove the state folder')
})

test('a command line that cannot be right is refused', async () => {
  await using place = controllerPlace()
  const refusals: readonly (readonly [string[], string])[] = [
    [
      ['--gateway', 'http://192.168.1.20:8080', '--dry-run'],
      'lets anybody on the network read the token',
    ],
    [['--gateway', 'lock.home', '--dry-run'], '--gateway must be an address'],
    [['--gateway', 'https://lock.home', '--ca-sha256', '12', '--dry-run'], '--ca-sha256 must be'],
    [
      ['--gateway', 'http://localhost:1', '--ca-sha256', 'ab'.repeat(32), '--dry-run'],
      'is for https://',
    ],
    [['--dry-run'], '--gateway is missing'],
    [[], '--open is missing'],
    [['--dry-run', '--open', 'true'], '--dry-run cannot be combined with --open'],
    [['--dry-run', '--open-seconds', '0'], '--open-seconds must be a number from 1 to 20'],
    [['--dry-run', '--open-seconds', '3600'], '--open-seconds must be a number from 1 to 20'],
  ]
  for (const [args, words] of refusals) {
    const refused = place.start(args)
    expect([args, await refused.exited()]).toStrictEqual([args, 2])
    expect(refused.output.words).toContain(words)
  }
})

import { expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { qrTerminal } from '../../../src/http/page/qr.ts'
import { BINARY, OWN_FOLDER, freePort, runCommand, temporaryFolder } from '../../support/binary.ts'
import { atTerminal } from '../../support/terminal.ts'
import { IS_POSTGRES } from '../../support/test-server.ts'

test('at a terminal, a password is asked for twice and never shown', async () => {
  const folder = temporaryFolder()
  const typed = ['correct horse batteryX\u007f\r', 'correct horse battery\r']
  const { status, shown } = await atTerminal('user add --role owner oli', typed, folder)
  expect(status).toBe(0)
  expect(shown).toContain('Password: ')
  expect(shown).toContain('Confirm password: ')
  expect(shown).toContain('Added owner oli')
  expect(shown).not.toContain('correct')
  rmSync(folder, { recursive: true })
})

test('a list has aligned columns at a terminal, and tabs in a pipe', async () => {
  const folder = temporaryFolder()
  const input = 'correct horse battery\n'
  await runCommand(['user', 'add', '--role', 'admin', 'oli'], { folder, input })
  const { shown } = await atTerminal('user list', [], folder)
  const [head = '', row = ''] = shown.split('\r\n')
  expect(head).toMatch(/^ID {2}ROLE {3}STATE {3}LAST SEEN {2}UNIT {2}USERNAME$/)
  expect(row.indexOf('oli')).toBe(head.indexOf('USERNAME'))
  const { out } = await runCommand(['user', 'list'], { folder })
  expect(out.split('\n')[0]).toBe('ID\tROLE\tSTATE\tLAST SEEN\tUNIT\tUSERNAME')
  rmSync(folder, { recursive: true })
})

test('columns are aligned beside wide letters too, and times at a terminal are local', async () => {
  const folder = temporaryFolder()
  const input = 'correct horse battery\n'
  await runCommand(['user', 'add', '--role', 'owner', 'oli'], { folder, input })
  for (const label of ['玄関', 'back door'])
    await runCommand(['invite', '--label', label], { folder })
  const { out } = await runCommand(['invite', 'list', '--json'], { folder })
  const [newest = ''] = out.split('\n')
  const { expires_at: until } = JSON.parse(newest) as { expires_at: string }
  // Always nine hours ahead of UTC.
  const env = { TZ: 'Asia/Tokyo' }
  const { shown } = await atTerminal('invite list', [], folder, { env })
  const [head = '', ...rows] = shown.trim().split('\r\n')
  const local = new Date(Date.parse(until) + 9 * 3_600_000).toISOString()
  expect(rows[0]).toContain(`  ${local.slice(0, 19).replace('T', ' ')}  `)
  const column = (row: string, text: string) => Bun.stringWidth(row.slice(0, row.indexOf(text)))
  expect(rows.map((row) => row.split(/ {2,}/).length)).toStrictEqual([6, 6])
  for (const [index, label] of ['back door', '玄関'].entries())
    expect(column(rows[index] ?? '', label)).toBe(column(head, 'LABEL'))
  expect((await atTerminal('audit', [], folder, { env })).shown).toMatch(/^TIME +ACTION /)
  rmSync(folder, { recursive: true })
})

test('different passwords, or Ctrl-C, add nobody', async () => {
  const folder = temporaryFolder()
  const differing = await atTerminal('user add oli', ['correct horse\r', 'wrong horse\r'], folder)
  expect(differing).toMatchObject({ status: 1, shown: expect.stringContaining('differ') as string })
  expect((await atTerminal('user add oli', ['corr\u0003'], folder)).status).toBe(130)
  const listed = await runCommand(['user', 'list'], { folder })
  // On a server, the home may be there already.
  if (IS_POSTGRES) expect(listed.out).not.toContain('oli')
  else
    expect(listed).toMatchObject({
      status: 1,
      words: expect.stringContaining('no database') as string,
    })
  rmSync(folder, { recursive: true })
})

test.each(['SIGINT', 'SIGTERM'] as const)('%s ends a running command', async (signal) => {
  const folder = temporaryFolder()
  const run = Bun.spawn([BINARY, 'user', 'add', 'oli'], {
    cwd: folder,
    env: OWN_FOLDER,
    stdin: 'pipe',
  })
  await Bun.sleep(50)
  expect(run.exitCode).toBeNull()
  run.kill(signal)
  await run.exited
  expect(run.signalCode).toBe(signal)
  rmSync(folder, { recursive: true })
})

test('[A5] at a terminal, the links of the setup code and of an invitation are shown as QR codes', async () => {
  const folder = temporaryFolder()
  const env = { HOST: '127.0.0.1', PORT: String(await freePort()) }
  const linkShown = (shown: string): string => /http\S+#\S+/.exec(shown)?.[0] ?? 'none'
  const served = await atTerminal('serve', ['\u0003'], folder, { env, asks: /started [^\n]*\n$/ })
  expect(served.status).toBe(0)
  expect(linkShown(served.shown)).toStartWith(`http://127.0.0.1:${env.PORT}/join#setup=`)
  const { shown } = await atTerminal('invite', [], folder, { env })
  expect(linkShown(shown)).toStartWith(`http://127.0.0.1:${env.PORT}/join#invitation=`)
  for (const screen of [served.shown, shown])
    expect(screen.replaceAll('\r', '')).toContain(qrTerminal(linkShown(screen)))
  rmSync(folder, { recursive: true })
})

test('at a terminal, the link with the fingerprint to pin is shown as a QR code', async () => {
  const folder = temporaryFolder()
  const { status, shown } = await atTerminal('tls init', [], folder, { env: { PORT: '8443' } })
  expect(status).toBe(0)
  const link = /https:\S+#ca-sha256=[0-9a-f]{64}/.exec(shown)?.[0] ?? 'none'
  expect(link).toContain(':8443/#')
  expect(shown.replaceAll('\r', '')).toContain(qrTerminal(link))
  rmSync(folder, { recursive: true })
})

test('closing its terminal stops the service', async () => {
  const folder = temporaryFolder()
  const env = { HOST: '127.0.0.1', PORT: String(await freePort()) }
  const run = Bun.spawn(['script', '-qec', `exec ${BINARY} serve`, '/dev/null'], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', TERM: 'xterm', ...env },
    stdin: 'pipe',
    stdout: 'pipe',
  })
  const decoder = new TextDecoder()
  let shown = ''
  for await (const part of run.stdout) {
    shown += decoder.decode(part, { stream: true })
    if (/started [^\n]*\n$/.test(shown) && !shown.includes('stopping')) {
      const children = await Bun.file(`/proc/${run.pid}/task/${run.pid}/children`).text()
      process.kill(Number(children.trim()), 'SIGHUP')
    }
  }
  expect(await run.exited).toBe(0)
  expect(shown).toMatch(/info +stopped/)
  rmSync(folder, { recursive: true })
})

test('erasing a person asks for the name to confirm, and shows what is typed', async () => {
  const folder = temporaryFolder()
  const add = ['user', 'add', 'oli']
  expect((await runCommand(add, { folder, input: 'correct horse battery\n' })).status).toBe(0)
  const other = await atTerminal('user erase oli', ['ola\r'], folder)
  expect(other).toMatchObject({
    status: 1,
    shown: expect.stringContaining('That is not the name; nothing was erased') as string,
  })
  expect((await runCommand(['user', 'list'], { folder })).out).toContain('oli')
  const { status, shown } = await atTerminal('user erase oli', ['oli\r'], folder)
  expect(status).toBe(0)
  expect(shown).toContain('Type oli to erase it for good: ')
  expect(shown).toContain('Erased oli')
  expect((await runCommand(['user', 'list'], { folder })).out).not.toContain('oli')
  rmSync(folder, { recursive: true })
})

test('help has bold headings at a terminal, but not for NO_COLOR or a dumb one', async () => {
  const folder = temporaryFolder()
  const bold = '\u001B[1mUsage\u001B[22m'
  expect((await atTerminal('--help', [], folder)).shown).toContain(bold)
  for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }])
    expect((await atTerminal('--help', [], folder, { env })).shown).not.toContain('\u001B')
  rmSync(folder, { recursive: true })
})

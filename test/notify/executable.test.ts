import { expect, test } from 'bun:test'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { PASSWORD, bearer, clientOf } from '../support/app.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../support/binary.ts'
import { selfSigned } from '../support/certificates.ts'
import { startMailServer } from '../support/mail-server.ts'
import { startNtfy } from '../support/ntfy.ts'
import { until } from '../support/until.ts'

test('the executable tells ntfy and a mail server with a private authority', async () => {
  const folder = temporaryFolder()
  mkdirSync(folder, { recursive: true })
  const tls = selfSigned(folder, 'mail')
  await using ntfy = await startNtfy()
  await using mail = await startMailServer({ tls, secure: true })
  const env = {
    ...UNLIMITED,
    DATA_DIR: './data',
    WEBHOOK_LOOPBACK: 'on',
    SMTP_URL: `smtps://lock%40example.org:mail-secret@localhost:${mail.port}`,
    SMTP_CA_FILE: tls.cert,
    LOG_LEVEL: 'debug',
  }
  await runCommand(['user', 'add', '--role', 'owner', 'Zoë {{who}}'], {
    folder,
    env,
    input: PASSWORD,
  })
  await using service = await startService({ folder, env })
  const { post } = clientOf(service.url)
  const login = await post('/login', { username: 'Zoë {{who}}', password: PASSWORD })
  const owner = bearer(((await login.json()) as { access_token: string }).access_token)
  const add = async (given: object): Promise<string> => {
    const answer = await post('/v1/targets', { name: 'x', password: PASSWORD, ...given }, owner)
    return ((await answer.json()) as { id: string }).id
  }
  const tested = async (id: string) => (await post(`/v1/targets/${id}/test`, {}, owner)).json()
  const { url, topic, token } = ntfy
  const phone = { kind: 'ntfy', settings: { url, topic }, secrets: { token } }
  const other = await add({ ...phone, settings: { url, topic: 'other' }, rules: [] })
  expect(await tested(other)).toMatchObject({ state: 'failed', status: 403 })
  await add(phone)
  await add({ kind: 'email', settings: { to: 'zoe@example.org' } })
  await post('/logUnlocking', { 'unlocking-method': 'fingerprint' }, owner)
  await until(async () => (await ntfy.messages()).length === 1 && mail.mails.length === 1)
  const [push] = await ntfy.messages()
  expect(push).toMatchObject({
    topic: 'door',
    title: 'Zoë {{who}} opened the front door',
    priority: 3,
    tags: ['unlock'],
  })
  expect(push?.message).toMatch(/^At \d\d:\d\d, by fingerprint\.$/)
  expect(mail.mails).toMatchObject([
    { to: ['zoe@example.org'], isSecure: true, user: 'lock@example.org' },
  ])
  const [, id = '-'] = /\/console\/log\/([\w-]+)$/.exec(push?.click ?? '') ?? []
  expect(mail.mails[0]?.text).toContain(`Message-ID: <${id}@example.org>`)
  await service.stop()
  const { log, words } = service.output()
  expect(log).toContain('"started"')
  expect(log + words).not.toContain(token)
  expect(log + words).not.toContain('mail-secret')
  rmSync(folder, { recursive: true, force: true })
})

test('the library for e-mail is imported in one file, and only when one is sent', () => {
  const src = join(import.meta.dir, '../../src')
  const imports = [...new Bun.Glob('**/*.{ts,tsx}').scanSync(src)].flatMap((path) =>
    [
      ...readFileSync(join(src, path), 'utf8').matchAll(/^.*(?:from |import\()'nodemailer.*$/gm),
    ].map(([line]) => `${path}: ${line.trim()}`),
  )
  expect(imports).toStrictEqual([
    "notify/services/email.ts: import type SMTPTransport from 'nodemailer/lib/smtp-transport'",
    "notify/services/email.ts: const { createTransport } = await import('nodemailer')",
  ])
})

test('it is not loaded before that', async () => {
  const folder = temporaryFolder()
  const run = Bun.spawn([process.execPath, join(import.meta.dir, '../support/loaded-modules.ts')], {
    env: { DATA_DIR: join(folder, 'data'), SMTP_URL: 'smtp://mail.home?from=lock@home' },
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const loaded = await new Response(run.stdout).text()
  rmSync(folder, { recursive: true, force: true })
  expect(loaded).toContain('/src/notify/module.ts')
  expect(loaded).not.toContain('/nodemailer/')
})

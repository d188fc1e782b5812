import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { smtpUrl } from '../../../src/config/parsers.ts'
import { sendMail } from '../../../src/notify/services/email.ts'
import { temporaryFolder } from '../../support/binary.ts'
import { selfSigned } from '../../support/certificates.ts'
import { startMailServer } from '../../support/mail-server.ts'
import { inWords, messageAbout, unlockOf } from '../../support/messages.ts'

const folder = temporaryFolder()
let tls = { cert: '', key: '' }
beforeAll(() => {
  mkdirSync(folder, { recursive: true })
  tls = selfSigned(folder, 'mail')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const TO = { settings: { to: 'ada@example.org' } }

const send = (
  url: string,
  given: { readonly caFile?: string; readonly message?: ReturnType<typeof messageAbout> } = {},
  signal: AbortSignal = AbortSignal.timeout(15_000),
) =>
  sendMail(
    { address: smtpUrl(url), caFile: given.caFile },
    TO,
    inWords(given.message ?? messageAbout()),
    signal,
  )

const headerOf = (text: string): string => text.slice(0, text.indexOf('\r\n\r\n'))

describe('an e-mail', () => {
  test('has the title as its subject, the link, and the id of the event as its Message-ID', async () => {
    await using server = await startMailServer()
    const result = await send(`smtp://localhost:${server.port}?from=lock@example.org`)
    expect(result).toMatchObject({ status: 'delivered', code: 250 })
    expect(server.mails).toMatchObject([
      { to: ['ada@example.org'], from: 'lock@example.org', isSecure: false },
    ])
    const [{ text } = { text: '' }] = server.mails
    const lines = headerOf(text).split('\r\n')
    expect(lines).toContain('Subject: Ada opened the front door')
    expect(lines).toContain('From: Secure Lock <lock@example.org>')
    expect(lines).toContain('To: ada@example.org')
    expect(lines).toContain('Message-ID: <0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d@example.org>')
    expect(lines).toContain('Auto-Submitted: auto-generated')
    expect(text).toContain('At 15:00, by fingerprint.')
    expect(text.replaceAll('=\r\n', '')).toContain('https://lock.home/console/log/0193c6a8')
  })

  test('is one mail to one mailbox, whatever a name says', async () => {
    await using server = await startMailServer()
    const message = unlockOf({ who: 'Eve\r\nBcc: all@example.org\r\n\r\nHello', lock_name: 'Tür' })
    await send(`smtp://localhost:${server.port}?from=lock@example.org`, { message })
    const [mail] = server.mails
    expect(mail?.to).toStrictEqual(['ada@example.org'])
    expect(headerOf(mail?.text ?? '')).not.toMatch(/^(Bcc|Hello)/m)
    expect(headerOf(mail?.text ?? '')).toContain('Subject: =?UTF-8?')
  })

  test('goes by TLS from the beginning, or by STARTTLS, with a private authority', async () => {
    for (const [scheme, secure] of [
      ['smtps', true],
      ['smtp', false],
    ] as const) {
      await using server = await startMailServer({ tls, secure })
      const url = `${scheme}://lock%40example.org:mail-secret@localhost:${server.port}`
      expect(await send(url, { caFile: tls.cert })).toMatchObject({ status: 'delivered' })
      expect(server.mails).toMatchObject([
        { isSecure: true, user: 'lock@example.org', from: 'lock@example.org' },
      ])
      const distrusted = await send(url)
      expect(distrusted).toMatchObject({ status: 'failed' })
      expect(distrusted.answer).toMatch(/certificate/)
      expect(server.mails).toHaveLength(1)
    }
  })

  test('sends no password where the server offers no TLS', async () => {
    let isAsked = false
    await using server = await startMailServer({
      onAuth: (_, _session, done) => {
        isAsked = true
        done(null, { user: 'lock' })
      },
    })
    const result = await send(`smtp://lock:mail-secret@localhost:${server.port}?from=a@example.org`)
    expect(result).toMatchObject({ status: 'failed' })
    expect([isAsked, server.mails.length]).toStrictEqual([false, 0])
  })

  test('that the server refuses fails with what it said, and without our password', async () => {
    await using server = await startMailServer({
      tls,
      onRcptTo: (_, _session, done) => done(new Error('No such mailbox')),
    })
    const at = `localhost:${server.port}?from=lock@example.org`
    const { cert: caFile } = tls
    expect(await send(`smtp://lock:mail-secret@${at}`, { caFile })).toMatchObject({
      status: 'failed',
      code: 550,
      answer: expect.stringContaining('No such mailbox'),
    })
    const wrong = await send(`smtp://lock:wrong-secret@${at}`, { caFile })
    expect(wrong).toMatchObject({ status: 'failed', code: 535 })
    expect(wrong.answer).not.toContain('wrong-secret')
    expect(wrong.answer).toContain('Not with …')
  })

  test('is given up when the server says nothing, or is not there', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    const address = silent.address()
    const port = typeof address === 'object' && address ? address.port : 0
    const result = await send(
      `smtp://localhost:${port}?from=lock@example.org`,
      {},
      AbortSignal.timeout(200),
    )
    expect(result.answer).toBe('The mail server did not finish within 15 seconds')
    silent.close()
    expect(await send('smtp://localhost:1?from=lock@example.org')).toMatchObject({
      status: 'failed',
      answer: expect.stringContaining('ECONNREFUSED'),
    })
    const noFile = { caFile: `${folder}/none.pem` }
    expect(await send('smtp://localhost:1?from=lock@example.org', noFile)).toMatchObject({
      status: 'failed',
    })
  })
})

describe('the URL of a mail server', () => {
  test('has a host, and a port of its kind unless it says another', () => {
    expect(smtpUrl('smtps://a%40b.org:p%23w@mail.b.org')).toStrictEqual({
      host: 'mail.b.org',
      port: 465,
      isTls: true,
      username: 'a@b.org',
      password: 'p#w',
      from: 'a@b.org',
    })
    expect(smtpUrl('smtp://[fd00::1]:25?from=lock@home')).toMatchObject({
      host: 'fd00::1',
      port: 25,
      isTls: false,
      from: 'lock@home',
    })
    expect(smtpUrl('smtp://mail.home?from=lock@home').port).toBe(587)
  })

  test.each([
    'smtp://mail.home',
    'smtp://user:secret@mail.home',
    'mail.home',
    'http://mail.home?from=a@b',
    'smtp://mail.home/x?from=a@b',
    'smtp://mail.home?from=a@b&x=secret',
    'smtp://mail.home?from=a@b%0d%0aBcc:c@d',
    'smtp://mail.home?from=a@b,c@d',
    'smtp://mail.home?from=%22a%22@b',
    'smtp://%zz:secret@mail.home?from=a@b',
  ])('%s is refused without repeating it', (url) => {
    expect(() => smtpUrl(url)).toThrow(/^must (look like|end in)/)
    expect(() => smtpUrl(url)).not.toThrow(/secret/)
  })
})

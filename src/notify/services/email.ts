import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import type SMTPTransport from 'nodemailer/lib/smtp-transport'
import type { SmtpAddress } from '../../config/parsers.ts'
import { SECOND_MS } from '../../domain/duration.ts'
import type { Target, SendResult } from '../../domain/home-event.ts'
import type { Notification } from '../words.ts'

/** The mail server from the settings. */
export type MailServer = {
  readonly address: SmtpAddress
  /** File of the authorities to trust, PEM; undefined for those of this machine. */
  readonly caFile: string | undefined
}

/** A connection is closed if the server is silent for this long. */
const SILENCE_MS_MAX = 10 * SECOND_MS

/** Sends a notification to the mail server, with TLS, or with STARTTLS if the server offers it; with a password or a
 * private authority, TLS is required. The Message-ID (RFC 5322) is the id of the message, so that a mailbox can
 * recognize duplicates. Never rejects because of the server. */
export const sendMail = async (
  { address, caFile }: MailServer,
  { settings }: Pick<Target, 'settings'>,
  { id, title, text, link }: Notification,
  signal: AbortSignal,
): Promise<SendResult> => {
  const { host, port, isTls, username: user, password: pass = '', from } = address
  const options: SMTPTransport.Options = {
    host,
    port,
    secure: isTls,
    requireTLS: user !== undefined || caFile !== undefined,
    ...(user === undefined ? {} : { auth: { user, pass } }),
    connectionTimeout: SILENCE_MS_MAX,
    greetingTimeout: SILENCE_MS_MAX,
    socketTimeout: SILENCE_MS_MAX,
    disableFileAccess: true,
    disableUrlAccess: true,
  }
  try {
    const trust = caFile === undefined ? {} : { ca: readFileSync(caFile, 'utf8') }
    // The library is loaded only if e-mail is used.
    const { createTransport } = await import('nodemailer')
    const transport = createTransport({
      ...options,
      tls: { minVersion: 'TLSv1.2', ...(isIP(host) ? {} : { servername: host }), ...trust },
    })
    const sent = transport.sendMail({
      from: { name: 'Secure Lock', address: from },
      to: { name: '', address: String(settings['to']) },
      subject: title,
      text: `${text}\n\n${link}\n`,
      messageId: `<${id}@${from.slice(from.lastIndexOf('@') + 1)}>`,
      headers: { 'Auto-Submitted': 'auto-generated' },
    })
    const { response } = await within(signal, sent)
    return { status: 'delivered', code: codeOf(response), answer: response }
  } catch (error) {
    return failureOf(error, pass)
  }
}

/** Rejects once the signal is aborted; the connection is then closed by its timeout. */
const within = <Result>(signal: AbortSignal, work: Promise<Result>): Promise<Result> => {
  const { promise, reject } = Promise.withResolvers<never>()
  const abort = () => reject(new Error('The mail server did not finish within 15 seconds'))
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  work.catch(() => {})
  return Promise.race([work, promise]).finally(() => signal.removeEventListener('abort', abort))
}

const codeOf = (response: string): number => Number(/^\d{3}/.exec(response)?.[0] ?? 250)

const failureOf = (error: unknown, password: string): SendResult => {
  const { message, responseCode: code } = error as Error & { readonly responseCode?: number }
  const text = password === '' ? message : message.replaceAll(password, '…')
  const answer = text.replaceAll(/\p{Cc}+/gu, ' ')
  return { status: 'failed', ...(code === undefined ? {} : { code }), answer }
}

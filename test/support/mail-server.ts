import { readFileSync } from 'node:fs'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

type Mail = {
  readonly to: readonly string[]
  readonly from: string
  /** Whether it came by TLS. */
  readonly isSecure: boolean
  readonly user: string | undefined
  /** As it came, with its header. */
  readonly text: string
}

type Options = Omit<SMTPServerOptions, 'key' | 'cert'> & {
  readonly tls?: { readonly cert: string; readonly key: string }
}

/** A real mail server on this machine, which takes the password `mail-secret`, and keeps what it is handed. */
export const startMailServer = async ({ tls, ...options }: Options = {}) => {
  const mails: Mail[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: tls ? [] : ['STARTTLS'],
    ...(tls ? { key: readFileSync(tls.key), cert: readFileSync(tls.cert) } : {}),
    onAuth: ({ username, password }, _, done) => {
      if (password === 'mail-secret') done(null, { user: username })
      else done(new Error(`Not with ${password ?? ''}`))
    },
    onData: (stream, session, done) => {
      const chunks: Uint8Array[] = []
      stream.on('data', (chunk: Uint8Array) => chunks.push(chunk))
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope
        mails.push({
          to: rcptTo.map(({ address }) => address),
          from: mailFrom === false ? '' : mailFrom.address,
          isSecure: session.secure,
          user: session.user,
          text: Buffer.concat(chunks).toString(),
        })
        done()
      })
    },
    ...options,
  })
  // A client that hangs up at a certificate is no fault of the server.
  server.on('error', () => {})
  const { promise, resolve } = Promise.withResolvers<void>()
  const listening = server.listen(0, '127.0.0.1', resolve)
  await promise
  const address = listening.address()
  return {
    mails,
    port: typeof address === 'object' && address ? address.port : 0,
    [Symbol.asyncDispose]: () => {
      const { promise: closed, resolve: done } = Promise.withResolvers<void>()
      server.close(done)
      return closed
    },
  }
}

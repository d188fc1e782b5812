import type { X509Certificate } from 'node:crypto'
import { Agent } from 'node:http'
import { isIP } from 'node:net'
import { type TLSSocket, connect } from 'node:tls'
import { X509Certificate as Certificate } from 'node:crypto'
import { SECOND_MS } from '../../domain/duration.ts'

const HANDSHAKE_MS_MAX = 10 * SECOND_MS

/** Connections over TLS to a gateway whose certificate, or the CA that signed it, has a pinned SHA-256 fingerprint
 * (lower-case hex). Nothing is sent before that was checked. Certificates count whatever their dates: after a power cut,
 * a Raspberry Pi believes that it is 1970, and its door must open all the same. */
export const pinnedAgent = (sha256: string): Agent => {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 })
  // The type of Bun's Agent does not have the function that Node documents for this.
  const open: Connecting = ({ host, port }, done) => {
    let isDone = false
    const finish = (error: Error | null, socket?: TLSSocket): void => {
      if (isDone) return
      isDone = true
      clearTimeout(timer)
      if (error) done(error)
      else if (socket) done(null, socket)
    }
    const socket = connect(
      { host, port: Number(port), rejectUnauthorized: false, ...serverName(host) },
      () => {
        const fault = faultOf(socket, { host, sha256 })
        if (fault === undefined) return finish(null, socket)
        socket.destroy()
        finish(new WrongGateway(fault))
      },
    )
    // Bun does not tell this function of requests that have ended: each would leave its socket behind.
    const timer = setTimeout(() => {
      finish(new Error('It did not answer in time'))
      socket.destroy()
    }, HANDSHAKE_MS_MAX)
    socket.once('error', (error: Error) => finish(error))
    socket.once('close', () => finish(new Error('The connection was closed')))
    return undefined
  }
  return Object.assign(agent, { createConnection: open })
}

/** The gateway is not the pinned one. */
class WrongGateway extends Error {}

type Connecting = (
  options: { readonly host: string; readonly port: string | number },
  done: (error: Error | null, socket?: TLSSocket) => void,
) => undefined

const serverName = (host: string) => (isIP(host) ? {} : { servername: host })

/** Returns what is wrong with the certificate of a gateway. That the server has its key was shown by the handshake. */
const faultOf = (
  socket: TLSSocket,
  { host, sha256 }: { readonly host: string; readonly sha256: string },
): string | undefined => {
  const own = socket.getPeerX509Certificate()
  if (!own) return 'it has no certificate'
  const issuer = issuerOf(socket)
  const isPinned = (found: X509Certificate | undefined): boolean =>
    found?.fingerprint256.replaceAll(':', '').toLowerCase() === sha256
  const isIssued = issuer !== undefined && own.checkIssued(issuer) && own.verify(issuer.publicKey)
  if (!isPinned(own) && !(isIssued && isPinned(issuer)))
    return 'neither its certificate nor the CA that signed it has the fingerprint in --ca-sha256'
  const isNamed = isIP(host) ? own.checkIP(host) : own.checkHost(host)
  return isNamed === undefined ? `its certificate is not for ${host}` : undefined
}

const issuerOf = (socket: TLSSocket): X509Certificate | undefined => {
  const { issuerCertificate } = socket.getPeerCertificate(true)
  return issuerCertificate?.raw ? new Certificate(issuerCertificate.raw) : undefined
}

import { join } from 'node:path'
import { connect } from 'node:tls'

/** Creates a self-signed certificate for this machine with OpenSSL; returns the paths of it and its key. */
export const selfSigned = (
  folder: string,
  name: string,
  { days = 400 }: { readonly days?: number } = {},
): { readonly cert: string; readonly key: string } => {
  const [cert, key] = [join(folder, `${name}.pem`), join(folder, `${name}-key.pem`)]
  const words = [
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes',
    `-days ${days} -subj /CN=${name} -addext subjectAltName=DNS:localhost,IP:127.0.0.1`,
    `-keyout ${key} -out ${cert}`,
  ]
  const made = Bun.spawnSync(['openssl', ...words.join(' ').split(' ')])
  if (made.exitCode !== 0) throw new Error(made.stderr.toString())
  return { cert, key }
}

type Visit = { readonly fingerprint: string; readonly answer: string }

/** Opens a new TLS connection for one request; returns the server's certificate and the answer.
 * Rejects if the connection breaks. */
export const visit = (url: string, request: string): Promise<Visit> =>
  new Promise((give, fail) => {
    const { hostname: host, port } = new URL(url)
    const socket = connect({ host, port: Number(port), rejectUnauthorized: false }, () =>
      socket.write(request),
    )
    let answer = ''
    let fingerprint = ''
    socket.once('secureConnect', () => {
      fingerprint = socket.getPeerCertificate().fingerprint256
    })
    socket.on('data', (part: Buffer) => (answer += part.toString()))
    socket.once('error', fail)
    socket.once('close', () => give({ fingerprint, answer }))
  })

/** A request after which the server closes the connection. */
export const lone = (path: string): string =>
  `GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`

/** Visits without pause, several at once, until stopped; a visit that fails is a fault. */
export const flood = (url: string, path: string) => {
  const seen: string[] = []
  const faults: string[] = []
  const over = new AbortController()
  const one = async () => {
    while (!over.signal.aborted) {
      const { fingerprint, answer } = await visit(url, lone(path)).catch((error: unknown) => ({
        fingerprint: '',
        answer: String(error),
      }))
      if (answer.startsWith('HTTP/1.1 200')) seen.push(fingerprint)
      else faults.push(answer || 'no answer')
    }
  }
  const done = Promise.all(Array.from({ length: 8 }, one))
  return {
    seen,
    faults,
    stop: async () => {
      over.abort()
      await done
    },
  }
}

import { X509Certificate, createPrivateKey } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import ipaddr from 'ipaddr.js'
import { DAY_MS } from '../../domain/duration.ts'

/** What is known about a certificate and its chain. */
export type CertificateFacts = {
  /** The host names and addresses it is valid for. */
  readonly names: readonly string[]
  readonly notBeforeMs: number
  readonly notAfterMs: number
  /** SHA-256 of the whole certificate, as `openssl x509 -fingerprint -sha256` prints it. */
  readonly sha256: string
  /** The self-signed certificate at the end of the chain, which phones can trust. */
  readonly authority: { readonly pem: string; readonly sha256: string } | undefined
}

/** A certificate chain and the private key of its first certificate, both PEM. */
export type TlsPair = {
  readonly cert: string
  readonly key: string
  readonly facts: CertificateFacts
}

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** Parses a chain of PEM certificates, the server's own first. Throws an Error that says what is wrong. */
export const certificateFacts = (chain: string): CertificateFacts => {
  const certificates = chain.match(PEM)?.map(certificate) ?? []
  const [own] = certificates
  const last = certificates.at(-1)
  if (!own || !last) throw new Error('TLS_CERT_FILE contains no PEM certificate')
  return {
    names: namesOf(own),
    notBeforeMs: Date.parse(own.validFrom),
    notAfterMs: Date.parse(own.validTo),
    sha256: own.fingerprint256,
    authority: isSelfSigned(last)
      ? { pem: `${last.toString().trim()}\n`, sha256: last.fingerprint256 }
      : undefined,
  }
}

const certificate = (pem: string): X509Certificate => {
  try {
    return new X509Certificate(pem)
  } catch (error) {
    throw new Error('TLS_CERT_FILE contains a damaged certificate', { cause: error })
  }
}

const isSelfSigned = (found: X509Certificate): boolean =>
  found.issuer === found.subject && found.verify(found.publicKey)

const namesOf = ({ subjectAltName }: X509Certificate): readonly string[] =>
  (subjectAltName ?? '').split(', ').flatMap((entry) => {
    const [, kind, name = ''] = /^(DNS|IP Address):(.+)$/.exec(entry) ?? []
    if (kind === undefined) return []
    return kind === 'DNS' ? [name] : [ipaddr.isValid(name) ? ipaddr.parse(name).toString() : name]
  })

/** Checks that a chain and a key belong together. Throws an Error that says what is wrong, and reveals
 * nothing of the key. */
export const tlsPair = (cert: string, key: string): TlsPair => {
  const facts = certificateFacts(cert)
  const [own = ''] = cert.match(PEM) ?? []
  if (!new X509Certificate(own).checkPrivateKey(privateKey(key)))
    throw new Error('the key in TLS_KEY_FILE does not belong to the certificate in TLS_CERT_FILE')
  createSecureContext({ cert, key })
  return { cert, key, facts }
}

const privateKey = (pem: string) => {
  try {
    return createPrivateKey(pem)
  } catch (error) {
    const fault = pem.includes('ENCRYPTED')
      ? 'TLS_KEY_FILE contains an encrypted key; write it without a passphrase'
      : 'TLS_KEY_FILE contains no PEM private key'
    throw new Error(fault, { cause: error })
  }
}

/** How long before it expires a certificate causes a warning. */
const WARNING_DAYS = 30

/** Returns what is wrong with the validity of a certificate, or soon will be. */
export const expiryWarning = (
  { notBeforeMs, notAfterMs }: Pick<CertificateFacts, 'notBeforeMs' | 'notAfterMs'>,
  nowMs: number,
): string | undefined => {
  const end = new Date(notAfterMs).toISOString().slice(0, 10)
  if (nowMs > notAfterMs) return `the certificate expired on ${end}`
  if (nowMs < notBeforeMs) return 'the certificate is not valid yet, or the clock is wrong'
  const days = Math.floor((notAfterMs - nowMs) / DAY_MS)
  return days < WARNING_DAYS ? `the certificate expires on ${end}, in ${days} days` : undefined
}

import { X509Certificate, createPrivateKey } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import ipaddr from 'ipaddr.js'
import { DAY_MS } from '../../domain/duration.ts'

/** What there is to know of a certificate, and of the chain that came with it. */
export type CertificateFacts = {
  /** The host names and addresses that it is for. */
  readonly names: readonly string[]
  readonly notBeforeMs: number
  readonly notAfterMs: number
  /** SHA-256 of the whole certificate, as `openssl x509 -fingerprint -sha256` writes it. */
  readonly sha256: string
  /** The self-signed certificate at the end of the chain, which a phone can trust. */
  readonly authority: { readonly pem: string; readonly sha256: string } | undefined
}

/** A certificate chain and the private key of its first certificate, both PEM. */
export type TlsPair = {
  readonly cert: string
  readonly key: string
  readonly facts: CertificateFacts
}

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** Reads a chain of PEM certificates, the server's own first. Throws an Error that says what is
 * wrong. */
export const certificateFacts = (chain: string): CertificateFacts => {
  const certificates = chain.match(PEM)?.map(certificate) ?? []
  const [own] = certificates
  const last = certificates.at(-1)
  if (!own || !last) throw new Error('TLS_CERT_FILE holds no certificate in PEM')
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
    throw new Error('TLS_CERT_FILE holds a certificate that is damaged', { cause: error })
  }
}

const isSelfSigned = (one: X509Certificate): boolean =>
  one.issuer === one.subject && one.verify(one.publicKey)

const namesOf = ({ subjectAltName }: X509Certificate): readonly string[] =>
  (subjectAltName ?? '').split(', ').flatMap((entry) => {
    const [, kind, name = ''] = /^(DNS|IP Address):(.+)$/.exec(entry) ?? []
    if (kind === undefined) return []
    return kind === 'DNS' ? [name] : [ipaddr.isValid(name) ? ipaddr.parse(name).toString() : name]
  })

/** Checks that a chain and a key can serve together. Throws an Error that names the fault, and
 * repeats nothing of the key. */
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
      ? 'TLS_KEY_FILE holds a key that is encrypted; write it without a passphrase'
      : 'TLS_KEY_FILE holds no private key in PEM'
    throw new Error(fault, { cause: error })
  }
}

/** How long before its end a certificate is warned of. */
const WARNED_DAYS = 30

/** Says what is wrong with a certificate's time, or will be soon. */
export const expiryWarning = (
  { notBeforeMs, notAfterMs }: Pick<CertificateFacts, 'notBeforeMs' | 'notAfterMs'>,
  nowMs: number,
): string | undefined => {
  const end = new Date(notAfterMs).toISOString().slice(0, 10)
  if (nowMs > notAfterMs) return `the certificate expired on ${end}`
  if (nowMs < notBeforeMs) return 'the certificate is not valid yet, or the clock is wrong'
  const days = Math.floor((notAfterMs - nowMs) / DAY_MS)
  return days < WARNED_DAYS ? `the certificate expires on ${end}, in ${days} days` : undefined
}

import { X509Certificate as NodeCertificate, createPrivateKey, createPublicKey } from 'node:crypto'
import { AsnConvert } from '@peculiar/asn1-schema'
import { GeneralName, GeneralSubtree, GeneralSubtrees, NameConstraints } from '@peculiar/asn1-x509'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'

/** A CA that is trusted only by devices it was installed on. */
export type PrivateCa = {
  readonly certPem: string
  readonly notAfterMs: number
  /** The names it may sign for, each including all names below it; addresses are not limited. */
  readonly permitted: readonly string[]
  readonly key: CryptoKey
}

/** When a certificate is valid; rounded down to seconds. */
type Span = { readonly fromMs: number; readonly untilMs: number }

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const

const NAME_CONSTRAINTS = '2.5.29.30'

/** Creates a private CA (RFC 5280). It may sign for these names and names below them, but not for
 * another CA, so that anyone who steals its key cannot pose as a bank to the phones that trust it.
 * Addresses are not limited: BoringSSL, on which Dart and Android build, refuses a CA that limits
 * them (not reported upstream as of 2026-11). */
export const createPrivateCa = async ({
  commonName,
  permitted,
  fromMs,
  untilMs,
}: Span & {
  readonly commonName: string
  readonly permitted: readonly string[]
}): Promise<{ readonly certPem: string; readonly keyPem: string }> => {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [commonName] }],
    serialNumber: serialNumber(),
    notBefore: new Date(fromMs),
    notAfter: new Date(untilMs),
    signingAlgorithm: SIGNING,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      new Extension(NAME_CONSTRAINTS, true, AsnConvert.serialize(constraints(permitted))),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certPem: pem(certificate), keyPem: await privateKeyPem(keys.privateKey) }
}

const constraints = (permitted: readonly string[]): NameConstraints =>
  new NameConstraints({
    permittedSubtrees: new GeneralSubtrees(
      permitted.map((dNSName) => new GeneralSubtree({ base: new GeneralName({ dNSName }) })),
    ),
  })

/** Reads a CA that `createPrivateCa` created. Throws an Error that says what is wrong. */
export const readPrivateCa = async (certPem: string, keyPem: string): Promise<PrivateCa> => {
  if (!new NodeCertificate(certPem).checkPrivateKey(createPrivateKey(keyPem)))
    throw new Error('its key belongs to another certificate')
  const found = new X509Certificate(certPem)
  const extension = found.getExtension(NAME_CONSTRAINTS)
  const { permittedSubtrees = [] } = extension
    ? AsnConvert.parse(extension.value, NameConstraints)
    : {}
  return {
    certPem,
    notAfterMs: found.notAfter.getTime(),
    permitted: permittedSubtrees.flatMap(({ base }) => base.dNSName ?? []),
    key: await importPrivateKey(keyPem),
  }
}

/** True if the CA may sign for a name (RFC 5280 4.2.1.10). */
export const isPermitted = ({ permitted }: PrivateCa, name: string): boolean =>
  permitted.length === 0 || permitted.some((base) => name === base || name.endsWith(`.${base}`))

/** Creates a key for a server, PEM. */
export const makeServerKey = async (): Promise<string> =>
  privateKeyPem((await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])).privateKey)

/** Signs a certificate for a server's names and addresses. Returns the chain with the CA, PEM. */
export const issueCertificate = async (
  authority: PrivateCa,
  {
    names,
    addresses,
    serverKeyPem,
    fromMs,
    untilMs,
  }: Span & {
    readonly names: readonly string[]
    readonly addresses: readonly string[]
    readonly serverKeyPem: string
  },
): Promise<string> => {
  const issuer = new X509Certificate(authority.certPem)
  const publicKey = await publicKeyOf(serverKeyPem)
  const certificate = await X509CertificateGenerator.create({
    subject: [{ CN: [(names[0] ?? addresses[0] ?? '').slice(0, COMMON_NAME_MAX)] }],
    issuer: issuer.subjectName,
    serialNumber: serialNumber(),
    notBefore: new Date(fromMs),
    notAfter: new Date(untilMs),
    signingAlgorithm: SIGNING,
    publicKey,
    signingKey: authority.key,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([
        ...names.map((value) => ({ type: 'dns' as const, value })),
        ...addresses.map((value) => ({ type: 'ip' as const, value })),
      ]),
      await SubjectKeyIdentifierExtension.create(publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  })
  return pem(certificate) + authority.certPem
}

/** RFC 5280 sets this bound. */
export const COMMON_NAME_MAX = 64

/** 127 random bits, positive. */
const serialNumber = (): string => {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes.toHex()
}

const pem = (certificate: X509Certificate): string => `${certificate.toString('pem').trim()}\n`

const privateKeyPem = async (key: CryptoKey): Promise<string> =>
  `${PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY').trim()}\n`

const importPrivateKey = (keyPem: string): Promise<CryptoKey> =>
  crypto.subtle.importKey(
    'pkcs8',
    createPrivateKey(keyPem).export({ type: 'pkcs8', format: 'der' }),
    ALGORITHM,
    false,
    ['sign'],
  )

const publicKeyOf = (keyPem: string): Promise<CryptoKey> =>
  crypto.subtle.importKey(
    'spki',
    createPublicKey(keyPem).export({ type: 'spki', format: 'der' }),
    ALGORITHM,
    true,
    ['verify'],
  )

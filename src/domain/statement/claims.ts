import type { Scalar } from './cbor.ts'

/** The results that a controller reports. */
export const REPORT_RESULTS = [
  'started',
  'opening',
  'released',
  'unlocked',
  'motor_blocked',
  'command_failed',
  'interrupted',
  'opened_unasked',
] as const
export type ReportResult = (typeof REPORT_RESULTS)[number]

/** How a claim is written and read; `read` returns undefined for what is not its one form. */
type Claim<Value> = {
  readonly label: number
  readonly write: (value: Value) => Scalar
  readonly read: (scalar: Scalar) => Value | undefined
}

const bytesOf =
  (length: number, first?: number) =>
  (scalar: Scalar): Uint8Array<ArrayBuffer> | undefined =>
    scalar instanceof Uint8Array &&
    scalar.length === length &&
    (first === undefined || scalar[0] === first)
      ? new Uint8Array(scalar)
      : undefined

const integerFrom =
  (least: number) =>
  (scalar: Scalar): number | undefined =>
    typeof scalar === 'number' && scalar >= least ? scalar : undefined

const same = <Value>(value: Value): Value => value

const hexOf = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

const fromHex = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))

const UUID_PARTS = /^(.{8})(.{4})(.{4})(.{4})(.{12})$/

const LOCK: Claim<string> = {
  label: 3,
  write: fromHex,
  read: (scalar) => {
    const bytes = bytesOf(8)(scalar)
    return bytes && hexOf(bytes)
  },
}
const ISSUED_AT: Claim<number> = { label: 6, write: same, read: integerFrom(0) }
const NONCE: Claim<Uint8Array> = { label: 10, write: same, read: bytesOf(16) }
const COUNTER: Claim<number> = { label: -70_006, write: same, read: integerFrom(1) }
const PREVIOUS: Claim<Uint8Array> = { label: -70_007, write: same, read: bytesOf(32) }
const RESULT: Claim<ReportResult> = {
  label: -70_008,
  write: same,
  read: (scalar) => REPORT_RESULTS.find((result) => result === scalar),
}
const ATTEMPT: Claim<string> = {
  label: -70_009,
  write: (uuid) => fromHex(uuid.replaceAll('-', '')),
  read: (scalar) => {
    const bytes = bytesOf(16)(scalar)
    return bytes && hexOf(bytes).replace(UUID_PARTS, '$1-$2-$3-$4-$5')
  },
}
const CLOCK_UNSURE: Claim<boolean> = {
  label: -70_011,
  write: Number,
  read: (scalar) => (scalar === 0 || scalar === 1 ? scalar === 1 : undefined),
}
const UNCOMPRESSED_POINT = 4
const PUBLIC_KEY: Claim<Uint8Array> = {
  label: -70_012,
  write: same,
  read: bytesOf(65, UNCOMPRESSED_POINT),
}

/** The label of the kind of a statement. */
const KIND_LABEL = -70_004
/** The label of the time in seconds at which a command expires. */
const EXPIRES_AT_LABEL = 4
/** How many seconds after it was issued a command expires. */
const COMMAND_SECONDS = 10

/** The kinds of statements and the claims that each has, all of them and no others. */
const STATEMENT_KINDS = {
  /** A guest's device asks to open a lock. */
  knock: { number: 2, claims: { lock: LOCK, counter: COUNTER, attempt: ATTEMPT } },
  /** The gateway commands a controller to open, for the nonce of its poll. */
  command: {
    number: 3,
    claims: { lock: LOCK, issuedAtS: ISSUED_AT, nonce: NONCE, attempt: ATTEMPT },
  },
  /** A controller says what happened at its lock. */
  report: {
    number: 4,
    claims: {
      lock: LOCK,
      issuedAtS: ISSUED_AT,
      counter: COUNTER,
      previous: PREVIOUS,
      result: RESULT,
      attempt: ATTEMPT,
      clockUnsure: CLOCK_UNSURE,
    },
  },
  /** A controller shows that it has the key with which it enrols. */
  enrolment: { number: 7, claims: { nonce: NONCE, publicKey: PUBLIC_KEY } },
  /** The door key names the key that follows it. */
  succession: { number: 8, claims: { issuedAtS: ISSUED_AT, publicKey: PUBLIC_KEY } },
} as const

export type StatementKind = keyof typeof STATEMENT_KINDS

type ValueOf<Written> = Written extends Claim<infer Value> ? Value : never
type Values<Kind extends StatementKind> = {
  readonly [Name in keyof (typeof STATEMENT_KINDS)[Kind]['claims']]: ValueOf<
    (typeof STATEMENT_KINDS)[Kind]['claims'][Name]
  >
}

/** The claims of a statement. `lock` is what `lockClaim` returns, `attempt` a UUID in lower case, `issuedAtS` in
 * seconds since 1970, a public key an uncompressed point of P-256. A command expires `COMMAND_SECONDS` after
 * `issuedAtS`. Only a report may lack an attempt: then nobody asked. */
export type ClaimsOf<Kind extends StatementKind> = { readonly kind: Kind } & (Kind extends 'report'
  ? Omit<Values<'report'>, 'attempt'> & { readonly attempt?: string | undefined }
  : Values<Kind>)

export type Claims = { [Kind in StatementKind]: ClaimsOf<Kind> }[StatementKind]

/** Returns what stands for a lock in statements: the last 8 bytes of its id as hex. */
export const lockClaim = (lockId: string): string =>
  lockId.replaceAll('-', '').slice(16).toLowerCase()

/** Turns claims into integer labels and values. Throws if a claim has not the form that `fromLabels` reads. */
export const toLabels = (claims: Claims): ReadonlyMap<number, Scalar> => {
  const labels = new Map<number, Scalar>([[KIND_LABEL, STATEMENT_KINDS[claims.kind].number]])
  for (const [name, claim] of claimsOf(claims.kind)) {
    const value = (claims as Readonly<Record<string, unknown>>)[name]
    if (value === undefined && isOptional(claims.kind, name)) continue
    const scalar = claim.write(value)
    if (claim.read(scalar) === undefined) throw new RangeError(`Claim ${name} is malformed`)
    labels.set(claim.label, scalar)
  }
  if (claims.kind === 'command') labels.set(EXPIRES_AT_LABEL, claims.issuedAtS + COMMAND_SECONDS)
  return labels
}

/** Returns the claims of one kind, or undefined if there is another kind, a claim too many or too few, or one that is
 * malformed. */
export const fromLabels = <Kind extends StatementKind>(
  kind: Kind,
  labels: ReadonlyMap<number, Scalar>,
): ClaimsOf<Kind> | undefined => {
  if (labels.get(KIND_LABEL) !== STATEMENT_KINDS[kind].number) return undefined
  const claims: Record<string, unknown> = { kind }
  let read = 1
  for (const [name, claim] of claimsOf(kind)) {
    const scalar = labels.get(claim.label)
    if (scalar === undefined && isOptional(kind, name)) continue
    const value = scalar === undefined ? undefined : claim.read(scalar)
    if (value === undefined) return undefined
    claims[name] = value
    read += 1
  }
  if (kind === 'command') {
    const issuedAtS = labels.get(ISSUED_AT.label)
    if (labels.get(EXPIRES_AT_LABEL) !== Number(issuedAtS) + COMMAND_SECONDS) return undefined
    read += 1
  }
  return read === labels.size ? (claims as ClaimsOf<Kind>) : undefined
}

const claimsOf = (kind: StatementKind): [string, Claim<unknown>][] =>
  Object.entries(
    STATEMENT_KINDS[kind].claims as unknown as Readonly<Record<string, Claim<unknown>>>,
  )

const isOptional = (kind: StatementKind, name: string): boolean =>
  kind === 'report' && name === 'attempt'

import type { AuditEventAnswer } from '../../audit/schema.ts'
import { roleWord } from './people.ts'
import { counted, duration } from './words.ts'

export type AuditEvent = AuditEventAnswer

/** What a record says, in a sentence without its end: `oli disabled ada`. */
export const wordsOfAuditEvent = (record: AuditEvent): string => {
  const own = SENTENCES[record.action]?.(record)
  if (own) return own
  const act = ACTS[record.action]?.(record)
  const by = whoOf(record)
  if (!act) return `${by}: ${record.action}, ${record.result}`
  const [past, infinitive] = act
  if (record.result === 'success') return `${by} ${past}`
  return `${by} wanted to ${infinitive}, and was refused${reasonOf(record)}`
}

/** Where it came from, unless whoever did it says that already. */
export const placeOf = ({ address, action, detail: { kind } }: AuditEvent): string | undefined => {
  if (address === null || address === 'gateway' || address === 'command line') return undefined
  return action === 'login.lockout_started' && kind !== 'name' ? undefined : address
}

type Named = AuditEvent['actor']

const ERASED = 'somebody erased since'

const nameOf = (party: Named): string =>
  party === null ? 'somebody' : (party.name ?? (isAccount(party.id) ? ERASED : party.id))

const isAccount = (id: string): boolean => /^[0-9a-f]{8}-/.test(id)

const whoOf = ({ actor, address }: AuditEvent): string => {
  if (address === 'gateway') return 'The gateway'
  if (actor?.id.startsWith('uid:')) return 'Whoever works at the gateway'
  if (actor === null) return 'A stranger'
  return actor.name ?? 'Somebody erased since'
}

const whom = ({ subject }: AuditEvent): string => nameOf(subject)
const isOwn = ({ actor, subject }: AuditEvent): boolean =>
  actor !== null && (subject === null || actor.id === subject.id)
const whose = (record: AuditEvent): string => (isOwn(record) ? 'their own' : `${whom(record)}’s`)

const detail = ({ detail: details }: AuditEvent, name: string): string =>
  String(details[name] ?? '')
const countOf = ({ detail: details }: AuditEvent, name: string): number =>
  Number(details[name] ?? 0)
const roleIn = (record: AuditEvent, name: string): string => {
  const held = detail(record, name)
  return held === 'member' || held === 'admin' || held === 'owner'
    ? roleWord(held).toLowerCase()
    : held
}

const reasonOf = (record: AuditEvent): string => {
  const reason = detail(record, 'reason')
  return reason ? `: ${REASONS[reason] ?? reason}` : ''
}

const REASONS: Readonly<Record<string, string>> = {
  wrong_password: 'the password was wrong',
  otp_invalid: 'the code was wrong',
  last_owner: 'no owner would be left',
  owner_needed: 'that takes an owner',
  own_account: 'it is their own account',
  forbidden: 'the role is too low',
  invalid_code: 'the code was not good',
  invitation_invalid: 'the invitation was not good',
}

type Words<Answer> = Readonly<Record<string, (record: AuditEvent) => Answer>>

/** What somebody does or is refused: in the past, and after `wanted to`. */
const ACTS: Words<readonly [past: string, infinitive: string]> = {
  'account.add': (r) => [`added ${whom(r)} as ${roleIn(r, 'role')}`, 'add an account'],
  'account.import': (r) => [`brought ${whom(r)} over from the legacy server`, 'bring people over'],
  'account.role': (r) => [
    `made ${whom(r)} ${roleIn(r, 'to')}, who was ${roleIn(r, 'from')}`,
    `change ${whose(r)} role`,
  ],
  'account.disable': (r) => [`disabled ${whom(r)}`, `disable ${whom(r)}`],
  'account.enable': (r) => [`enabled ${whom(r)} again`, `enable ${whom(r)}`],
  'account.contact': (r) => [
    `changed ${whose(r)} ${detail(r, 'fields')}`,
    'change contact details',
  ],
  'account.export': (r) => [`took out all that is kept about ${isOwn(r) ? 'them' : whom(r)}`, ''],
  'account.erase': (r) => [`erased ${whose(r)} account`, `erase ${whose(r)} account`],
  'password.change': (r) => [`changed ${whose(r)} password`, `change ${whose(r)} password`],
  'password.reset_begin': (r) => [
    `made a code with which ${whom(r)} chooses a new password`,
    `make a code for ${isOwn(r) ? 'themselves' : whom(r)}`,
  ],
  'second_factor.begin': () => ['began to set up a second factor', 'set up a second factor'],
  'second_factor.confirm': () => ['turned their second factor on', 'turn their second factor on'],
  'second_factor.remove': (r) => [
    `turned ${whose(r)} second factor off`,
    `turn ${whose(r)} second factor off`,
  ],
  'recovery_code.renew': () => ['made new recovery codes', 'make new recovery codes'],
  'session.end': (r) => [
    isOwn(r) ? 'ended a session of their own' : `ended a session of ${whom(r)}`,
    'end a session',
  ],
  'session.end_all': (r) => [
    `ended ${counted(countOf(r, 'sessions'), 'session')} of ${isOwn(r) ? 'their own' : whom(r)}`,
    'end sessions',
  ],
  'lockout.cleared': (r) => [`lifted a wait${r.subject ? ` at ${whom(r)}` : ''}`, 'lift a wait'],
  'invitation.create': (r) => [
    `invited ${counted(countOf(r, 'uses_max'), roleIn(r, 'role'))}`,
    `invite an ${roleIn(r, 'role')}`,
  ],
  'invitation.revoke': () => ['revoked an invitation', 'revoke an invitation'],
  'setting.change': (r) => [settingWords(r), 'change a setting'],
  'unlocks.export': (r) => [`exported openings as ${detail(r, 'format')}`, 'export openings'],
  'unlocks.erase': () => ['erased names from openings of people without an account', ''],
  'unlocks.retention': (r) => [
    `erased names and addresses older than ${detail(r, 'before').slice(0, 10)}`,
    'erase what is old',
  ],
  'log.export': () => ['took out the log as a bundle', 'take out the log'],
  import: () => ['brought openings over from the legacy server', 'bring openings over'],
  'backup.restore': () => ['restored a backup', 'restore a backup'],
}

const settingWords = (record: AuditEvent): string => {
  const { from, to } = record.detail
  const name = whom(record)
  if (typeof from !== 'string' || typeof to !== 'string') return `changed the setting ${name}`
  return `changed ${name} from ${from || 'nothing'} to ${to || 'nothing'}`
}

/** What has a sentence of its own; nothing leaves it to the acts. */
const SENTENCES: Words<string | undefined> = {
  login: (r) => (r.result === 'success' ? signedIn(r) : notSignedIn(r)),
  'login.lockout_started': (r) => {
    const wait = `must wait ${duration(countOf(r, 'seconds'))} after ${counted(countOf(r, 'failures'), 'failed login')}`
    const name = r.subject ? whom(r) : 'a name without an account'
    if (detail(r, 'kind') === 'name') return `Whoever is new to ${name} ${wait}`
    const client = r.address ?? 'A client'
    return detail(r, 'kind') === 'client'
      ? `${client} ${wait}, wherever it is new`
      : `${client} ${wait} at ${name}`
  },
  'session.reuse': (r) => `A used token of ${whom(r)} came a second time, so its session was ended`,
  'session.refresh': () => 'Somebody wanted to go on with a session that does not stand',
  'proxy.untrusted': () => 'A request claims to be forwarded by a proxy that is not trusted',
  'access.deny': (r) => `${whoOf(r)} was refused ${detail(r, 'method')} ${detail(r, 'route')}`,
  'account.register': (r) =>
    r.result === 'success'
      ? `${whom(r)} registered${r.detail['invitation'] ? ' with an invitation' : ''}`
      : `A registration was refused${reasonOf(r)}`,
  'owner.setup': (r) =>
    r.result === 'success'
      ? `${nameOf(r.actor ?? r.subject)} became the first owner`
      : 'Somebody tried a setup code that is not good',
  'password.reset': (r) =>
    r.result === 'success'
      ? `${nameOf(r.actor ?? r.subject)} chose a new password with a code`
      : 'Somebody tried a code for a new password that is not good',
  'backup.create': (r) =>
    r.result === 'success' ? `${whoOf(r)} made a backup` : `A backup failed${reasonOf(r)}`,
  'tls.reload': (r) =>
    r.result === 'success' ? 'A new certificate was taken up' : 'A new certificate is not usable',
  'service.start': (r) => `The service started, version ${detail(r, 'version')}`,
  'service.stop': () => 'The service stopped',
}

const signedIn = (record: AuditEvent): string => {
  const way = detail(record, 'second_factor')
  const how =
    way === 'totp'
      ? ' with a one-time code'
      : way === 'recovery_code'
        ? ' with a recovery code'
        : ''
  return `${nameOf(record.actor ?? record.subject)} signed in${how}`
}

const notSignedIn = (record: AuditEvent): string => {
  const reason = detail(record, 'reason')
  const name = record.subject && nameOf(record.subject)
  if (reason === 'otp_required') return `${name ?? 'Somebody'} gave the password and no code yet`
  if (reason === 'otp_invalid') return `${name ?? 'Somebody'} gave a wrong code after the password`
  // In a wait the right one is refused, too.
  return name ? `A password for ${name} was refused` : 'A name or its password was refused'
}

/** Records that say the same, one after the other, as one. */
export type Told = { readonly newest: AuditEvent; readonly records: readonly AuditEvent[] }

/** Draws together what came again and again; `records` are those of a list, the newest first. */
export const drawnTogether = (records: readonly AuditEvent[]): readonly Told[] => {
  const told: { newest: AuditEvent; records: AuditEvent[] }[] = []
  for (const record of records) {
    const last = told.at(-1)
    if (last && sayingOf(last.newest) === sayingOf(record)) last.records.push(record)
    else told.push({ newest: record, records: [record] })
  }
  return told
}

const sayingOf = (record: AuditEvent): string =>
  JSON.stringify([record.action, record.result, wordsOfAuditEvent(record), record.address])

/** How often it came: each record, and what it counts for itself. */
export const timesOf = ({ records }: Told): number =>
  records.reduce((sum, { detail: { repeats } }) => sum + (Number(repeats) || 1), 0)

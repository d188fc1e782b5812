import type { AuditEventAnswer } from '../../../audit/schema.ts'
import { lastDayText } from '../time/last-day.ts'
import { counted, duration } from './format.ts'
import { aRole, roleName } from './role.ts'

export type AuditEvent = AuditEventAnswer

/** Describes an audit event in a sentence without a full stop: `oli disabled ada`. */
export const describeAuditEvent = (event: AuditEvent): string => {
  const whole = SENTENCES[event.action]?.(event)
  if (whole) return whole
  const verbs = VERBS[event.action]?.(event)
  const actor = actorOf(event)
  if (!verbs) return `${actor}: ${event.action}, ${event.result}`
  const [past, infinitive] = verbs
  if (event.result === 'success') return `${actor} ${past}`
  return `${actor} tried to ${infinitive} and was refused${reasonOf(event)}`
}

/** The address it came from, unless the sentence names it already. */
export const addressOf = ({
  address,
  action,
  detail: { kind },
}: AuditEvent): string | undefined => {
  if (address === null || address === 'gateway' || address === 'command line') return undefined
  return action === 'login.lockout_started' && kind !== 'name' ? undefined : address
}

type Party = AuditEvent['actor']

const ERASED = 'an erased person'

const nameOf = (party: Party): string =>
  party === null ? 'somebody' : (party.name ?? unnamed(party.id))

const unnamed = (id: string): string => {
  if (id.startsWith('pass:')) return 'a guest'
  return isAccount(id) ? ERASED : id
}

const isAccount = (id: string): boolean => /^[0-9a-f]{8}-/.test(id)

const actorOf = ({ actor, address }: AuditEvent): string => {
  if (address === 'gateway') return 'The gateway'
  if (actor?.id.startsWith('uid:')) return 'Somebody at the gateway'
  if (actor === null) return 'A stranger'
  return actor.name ?? 'An erased person'
}

const subjectOf = ({ subject }: AuditEvent): string => nameOf(subject)
const isOwn = ({ actor, subject }: AuditEvent): boolean =>
  actor !== null && (subject === null || actor.id === subject.id)
const whose = (event: AuditEvent): string => (isOwn(event) ? 'their own' : `${subjectOf(event)}’s`)

const detail = ({ detail: details }: AuditEvent, name: string): string =>
  String(details[name] ?? '')
const countIn = ({ detail: details }: AuditEvent, name: string): number =>
  Number(details[name] ?? 0)

const isRole = (text: string): text is 'member' | 'admin' | 'owner' =>
  text === 'member' || text === 'admin' || text === 'owner'
const aRoleIn = (event: AuditEvent, name: string): string => {
  const role = detail(event, name)
  return isRole(role) ? aRole(role) : role
}
const roleIn = (event: AuditEvent, name: string): string => {
  const role = detail(event, name)
  return isRole(role) ? roleName(role) : role
}

const reasonOf = (event: AuditEvent): string => {
  const reason = detail(event, 'reason')
  return reason ? `: ${REASONS[reason] ?? reason}` : ''
}

const REASONS: Readonly<Record<string, string>> = {
  wrong_password: 'wrong password',
  otp_invalid: 'wrong code',
  always_admitted: 'admins and owners never wait',
  last_owner: 'they are the last owner',
  owner_needed: 'only an owner may',
  own_account: 'it is their own account',
  forbidden: 'their role does not allow it',
  invalid_code: 'the code is not valid',
  invitation_invalid: 'the invitation is not valid',
  key_taken: 'another grant has this key',
  grant_revoked: 'it is revoked for good',
  too_many_grants: 'there are too many grants',
  member_needed: 'the account is no member who has been let in',
}

type Words<Answer> = Readonly<Record<string, (event: AuditEvent) => Answer>>

/** What somebody did, in the past tense, and what they tried to do, as an infinitive. */
const VERBS: Words<readonly [past: string, infinitive: string]> = {
  'account.add': (e) => [`added ${subjectOf(e)} as ${aRoleIn(e, 'role')}`, 'add an account'],
  'account.import': (e) => [`imported ${subjectOf(e)} from the legacy server`, 'import accounts'],
  'account.role': (e) => [
    `changed ${whose(e)} role from ${roleIn(e, 'from')} to ${roleIn(e, 'to')}`,
    `change ${whose(e)} role`,
  ],
  'account.admit': (e) => [`let ${subjectOf(e)} in`, `let ${subjectOf(e)} in`],
  'account.admission_withdraw': (e) => [
    `made ${subjectOf(e)} wait to be let in again`,
    `make ${isOwn(e) ? 'themselves' : subjectOf(e)} wait`,
  ],
  'account.disable': (e) => [`disabled ${subjectOf(e)}`, `disable ${subjectOf(e)}`],
  'account.enable': (e) => [`enabled ${subjectOf(e)} again`, `enable ${subjectOf(e)}`],
  'account.end_date': (e) => [endDateWords(e), `change when ${whose(e)} access ends`],
  'account.contact': (e) => [
    `changed ${whose(e)} ${detail(e, 'fields')}`,
    'change contact details',
  ],
  'account.unit': (e) => [`changed ${whose(e)} unit`, `change ${whose(e)} unit`],
  'account.export': (e) => [`exported ${whose(e)} data`, `export ${whose(e)} data`],
  'account.erase': (e) => [`erased ${whose(e)} account`, `erase ${whose(e)} account`],
  'password.change': (e) => [`changed ${whose(e)} password`, `change ${whose(e)} password`],
  'password.reset_begin': (e) => [
    `created a password reset code for ${subjectOf(e)}`,
    `create a password reset code for ${isOwn(e) ? 'themselves' : subjectOf(e)}`,
  ],
  'second_factor.begin': () => ['started to set up a second factor', 'set up a second factor'],
  'second_factor.confirm': () => ['turned on their second factor', 'turn on their second factor'],
  'second_factor.remove': (e) => [
    `turned off ${whose(e)} second factor`,
    `turn off ${whose(e)} second factor`,
  ],
  'recovery_code.renew': () => ['created new recovery codes', 'create new recovery codes'],
  'session.end': (e) => [`ended one of ${whose(e)} sessions`, 'end a session'],
  'session.end_all': (e) => [
    `ended ${counted(countIn(e, 'sessions'), 'session')} of ${isOwn(e) ? 'their own' : subjectOf(e)}`,
    'end sessions',
  ],
  'lockout.cleared': (e) => [
    `cleared a lockout${e.subject ? ` of ${subjectOf(e)}` : ''}`,
    'clear a lockout',
  ],
  'token.make': () => ['created an access token', 'create an access token'],
  'token.use': () => ['used an access token from a new address', 'use an access token'],
  'token.revoke': (e) => [
    `revoked ${isOwn(e) ? 'an access token of their own' : `an access token of ${subjectOf(e)}`}`,
    'revoke an access token',
  ],
  'invitation.create': (e) => [
    `invited ${counted(countIn(e, 'uses_max'), roleIn(e, 'role'))}`,
    `invite ${aRoleIn(e, 'role')}`,
  ],
  'invitation.revoke': () => ['revoked an invitation', 'revoke an invitation'],
  'setting.change': (e) => [settingWords(e), 'change a setting'],
  'lock.add': (e) => [`added the door ${subjectOf(e)}`, 'add a door'],
  'lock.rename': (e) => [`renamed the door ${subjectOf(e)}`, 'rename a door'],
  'lock.operator': (e) =>
    detail(e, 'operator') === 'none'
      ? [`no longer lets the MQTT broker open ${subjectOf(e)}`, 'change who opens by MQTT']
      : [`let the MQTT broker open ${subjectOf(e)}`, 'let the MQTT broker open a lock'],
  'lock.state': (e) => [
    `${LOCK_VERBS[detail(e, 'to')] ?? 'changed'} the door ${subjectOf(e)}`,
    'change a door',
  ],
  'lockdown.begin': (e) => [`locked down ${lockdownOf(e)}`, 'begin a lockdown'],
  'lockdown.end': (e) => [`ended the lockdown of ${lockdownOf(e)}`, 'end a lockdown'],
  'holiday.change': (e) => [`changed the holiday ${subjectOf(e)}`, 'change a holiday'],
  'zone.change': (e) => [
    `began to use the time zone ${detail(e, 'to')} instead of ${detail(e, 'from')}`,
    'change the time zone',
  ],
  'grant.make': (e) => [`granted ${granteeOf(e)} access`, `grant ${granteeOf(e)} access`],
  'grant.change': (e) => [
    `changed what ${granteeOf(e)} may open`,
    `change what ${granteeOf(e)} may open`,
  ],
  'grant.revoke': (e) => [
    `revoked a grant of ${granteeOf(e)}`,
    `revoke a grant of ${granteeOf(e)}`,
  ],
  'grant.suspend': (e) => [
    `suspended a grant of ${granteeOf(e)} until an owner confirms it`,
    'suspend a grant',
  ],
  'grant.confirm': (e) => [`confirmed a grant of ${granteeOf(e)}`, 'confirm a grant'],
  'grant.use_return': (e) => [`gave a use back to ${granteeOf(e)}`, 'give a use back'],
  'pass.make': () => ['invited a guest', 'invite a guest'],
  'pass.change': () => ['changed the pass of a guest', 'change the pass of a guest'],
  'pass.link': () => ['made a new link for a guest', 'make a new link for a guest'],
  'pass.revoke': () => ['revoked the pass of a guest', 'revoke the pass of a guest'],
  'pass.erase': () => ['erased a guest', 'erase a guest'],
  'controller.enrol_code': (e) => [
    `made a code that enrols a controller at the door ${subjectOf(e)}`,
    'make a code for a controller',
  ],
  'controller.remove': (e) => [
    `removed a controller of the door ${subjectOf(e)}`,
    'remove a controller',
  ],
  'door_key.rotate': (e) => [
    `replaced the door key${e.detail['stolen'] === true ? ', as it was stolen' : ''}`,
    'replace the door key',
  ],
  'pass.bind': () => ['started to use a pass', 'start to use a pass'],
  'pass.refuse': () => ['used a pass', 'use a pass on one phone too many'],
  'pass.rekey': () => ['renewed the key of a guest', 'renew the key of a guest'],
  'pass.ask': () => ['asked for help as a guest', 'ask for help as a guest'],
  'unlocks.export': (e) => [`exported unlocks as ${detail(e, 'format')}`, 'export unlocks'],
  'unlocks.erase': () => ['erased names without an account from the log', 'erase names'],
  'unlocks.retention': (e) => [
    `erased names and methods from before ${detail(e, 'before').slice(0, 10)}`,
    'erase old names and methods',
  ],
  'log.export': () => ['exported the log as a bundle', 'export the log'],
  'log.accept_loss': (e) => [
    `let the log continue without ${detail(e, 'lost') === '' ? 'unlocks' : counted(countIn(e, 'lost'), 'unlock')} that were lost`,
    'let the log continue without lost unlocks',
  ],
  import: () => ['imported unlocks from the legacy server', 'import unlocks'],
  'finding.accept': (e) => [
    `accepted a warning (${subjectOf(e)}) until ${detail(e, 'until')}`,
    'accept a warning',
  ],
  'finding.acceptance_withdraw': (e) => [
    `withdrew the acceptance of a warning (${subjectOf(e)})`,
    'withdraw an acceptance',
  ],
  'backup.restore': () => ['restored a backup', 'restore a backup'],
  'home.move': (e) => [
    `began to move the home to ${detail(e, 'to')}`,
    'move the home to another database',
  ],
  'home.move_undo': (e) => [
    `took back the move of the home to ${detail(e, 'to')}`,
    'take back the move of the home',
  ],
}

/** A person, or everyone with a role. */
const granteeOf = (event: AuditEvent): string => {
  const [kind, role = ''] = (event.subject?.id ?? '').split(':')
  if (kind === 'pass') return 'a guest'
  if (kind !== 'role') return isOwn(event) ? 'themselves' : subjectOf(event)
  return isRole(role) ? `all ${roleName(role)}s` : role
}

const LOCK_VERBS: Readonly<Record<string, string>> = {
  enabled: 'switched on',
  disabled: 'switched off',
  retired: 'retired',
}

const lockdownOf = (event: AuditEvent): string =>
  event.subject?.id === 'home' ? 'the home' : `the door ${subjectOf(event)}`

const endDateWords = (event: AuditEvent): string => {
  const until = detail(event, 'until')
  return until === 'never'
    ? `removed the end of ${whose(event)} access`
    : `let ${whose(event)} access end on ${lastDayText(until)}`
}

const settingWords = (event: AuditEvent): string => {
  const { from, to } = event.detail
  const name = subjectOf(event)
  if (typeof from !== 'string' || typeof to !== 'string') return `changed the setting ${name}`
  return `changed ${name} from ${from || 'nothing'} to ${to || 'nothing'}`
}

/** Actions with their own sentence; if undefined, the verbs are used. */
const SENTENCES: Words<string | undefined> = {
  login: (e) => (e.result === 'success' ? loginWords(e) : failedLoginWords(e)),
  'login.code_required': (e) => `${subjectOf(e)} entered the password, and was asked for the code`,
  'login.lockout_started': (e) => {
    const lockout = `is locked out for ${duration(countIn(e, 'seconds'))} after ${counted(countIn(e, 'failures'), 'failed login')}`
    const name = e.subject ? subjectOf(e) : 'a name without an account'
    if (detail(e, 'kind') === 'name') return `Any new device of ${name} ${lockout}`
    const client = e.address ?? 'A client'
    const where = detail(e, 'place') === 'tables' ? ', only at /getLogs and /getUsers' : ''
    return detail(e, 'kind') === 'client'
      ? `${client} ${lockout} for all names it has not used before${where}`
      : `${client} ${lockout} for ${name}${where}`
  },
  'session.reuse': (e) =>
    `A used refresh token of ${subjectOf(e)} was sent again; the session was ended`,
  'session.refresh': () => 'Somebody tried to continue a session that does not exist',
  'proxy.untrusted': () => 'A request claimed to come through a proxy that is not trusted',
  'proxy.silent': () => 'A request came through a proxy that does not say for whom',
  'metrics.deny': () => 'Metrics were asked for without a valid token',
  'metrics.allow': () => 'Metrics were read with a valid token, after a refusal',
  'access.deny': (e) => `${actorOf(e)} was refused ${detail(e, 'method')} ${detail(e, 'route')}`,
  'account.register': (e) =>
    e.result === 'success'
      ? `${subjectOf(e)} registered${e.detail['invitation'] ? ' with an invitation' : ''}`
      : `A registration was refused${reasonOf(e)}`,
  'account.waiting': (e) => `${subjectOf(e)} is waiting to be let in`,
  'owner.setup': (e) =>
    e.result === 'success'
      ? `${nameOf(e.actor ?? e.subject)} became the first owner`
      : 'Somebody tried a setup code that is not valid',
  'pass.bind': () => 'A guest began to use a pass on a phone',
  'pass.refuse': () => 'A pass was tried on one phone too many',
  'pass.rekey': () => 'A phone of a guest got a new key',
  'pass.ask': () => 'A guest asked for help',
  'controller.enrol': (e) => `A controller enrolled at the door ${subjectOf(e)}`,
  'controller.fork': (e) =>
    `A controller of the door ${subjectOf(e)} was copied, or restored from an old image`,
  'password.reset': (e) =>
    e.result === 'success'
      ? `${nameOf(e.actor ?? e.subject)} set a new password with a reset code`
      : 'Somebody tried a password reset code that is not valid',
  'backup.create': (e) =>
    e.result === 'success' ? `${actorOf(e)} created a backup` : `A backup failed${reasonOf(e)}`,
  'tls.reload': (e) =>
    e.result === 'success' ? 'A new certificate is in use' : 'A new certificate could not be used',
  'service.start': (e) => `The server started, version ${detail(e, 'version')}`,
  'service.stop': () => 'The server stopped',
  'keys.accept': (e) => `Keys of the home were replaced: ${detail(e, 'keys')}`,
}

const loginWords = (event: AuditEvent): string => {
  const factor = detail(event, 'second_factor')
  const how =
    factor === 'totp'
      ? ' with a one-time code'
      : factor === 'recovery_code'
        ? ' with a recovery code'
        : ''
  return `${nameOf(event.actor ?? event.subject)} logged in${how}`
}

const failedLoginWords = (event: AuditEvent): string => {
  const reason = detail(event, 'reason')
  const name = event.subject && nameOf(event.subject)
  if (reason === 'otp_required')
    return `${name ?? 'Somebody'} entered the password, but no code yet`
  if (reason === 'access_ended')
    return `${name ?? 'Somebody'} entered the password after their access had ended`
  if (reason === 'otp_invalid')
    return `${name ?? 'Somebody'} entered a wrong code after the password`
  // During a lockout, even the right password is refused.
  return name ? `A password for ${name} was refused` : 'A name or its password was refused'
}

/** Consecutive audit events with the same text. */
export type AuditEventGroup = {
  readonly newest: AuditEvent
  readonly events: readonly AuditEvent[]
}

/** Groups what happened again and again. `events` are those of a list, newest first. */
export const groupRepeats = (events: readonly AuditEvent[]): readonly AuditEventGroup[] => {
  const groups: { newest: AuditEvent; events: AuditEvent[] }[] = []
  for (const event of events) {
    const last = groups.at(-1)
    if (last && groupKey(last.newest) === groupKey(event)) last.events.push(event)
    else groups.push({ newest: event, events: [event] })
  }
  return groups
}

const groupKey = (event: AuditEvent): string =>
  JSON.stringify([event.action, event.result, describeAuditEvent(event), event.address])

/** How often it happened; an audit event may itself stand for several repeats. */
export const occurrencesIn = ({ events }: AuditEventGroup): number =>
  events.reduce((sum, { detail: { repeats } }) => sum + (Number(repeats) || 1), 0)

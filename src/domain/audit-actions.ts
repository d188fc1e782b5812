/** Every action of audit events, the object first, and what it means. The table in the manual is
 * generated from this one. */
export const AUDIT_ACTIONS = {
  login: 'the password was right, or (`failure`) the password or code was wrong',
  'login.code_required': 'the password was right, and the one-time code was asked for',
  'login.lockout_started': 'failed logins locked out a name or a client',
  'lockout.cleared': 'an admin cleared a lockout',
  'session.end': 'a session was ended',
  'session.end_all': 'all sessions of a person, or all but one, were ended',
  'session.reuse': 'a refresh token was used a second time, and its session was ended',
  'session.refresh': 'a refresh token belonged to no active session',
  'token.make': 'an access token was created; `scopes` says what it may do',
  'token.use': 'an access token was used from an address for the first time; at most once a day',
  'token.revoke': 'an access token, or all those of a person, were revoked',
  'proxy.untrusted':
    'a request from an address that is not in `TRUSTED_PROXIES` claimed to be forwarded',
  'proxy.silent':
    'a request came through a proxy that does not say for whom; at most one a day for each proxy',
  'metrics.allow':
    'a client that was refused the metrics since the server started sent a valid token',
  'metrics.deny':
    '`/metrics` was asked for without a valid token; at most one a day for each client',
  'access.deny': 'the role was too low, or a token, or a password for the tables, was invalid',
  'account.register': 'a person registered, or was refused by `REGISTRATION`',
  'account.waiting': 'a person registered without an invitation, and waits to be let in',
  'account.add': '`user add` created an account',
  'account.import': '`import` created an account',
  'account.admit': 'a waiting person was let in',
  'account.admission_withdraw': 'a person who had been let in has to wait again',
  'account.role': 'the role of an account was changed',
  'account.disable': 'an account was disabled',
  'account.enable': 'an account was enabled again',
  'account.end_date':
    'the end date of an account was set or removed; `until` is the end, or `never`',
  'account.contact': 'phone, address or email of an account was changed',
  'account.unit': 'the unit of an account was changed',
  'account.export': 'a person’s data was exported',
  'account.erase': 'an account was erased',
  'password.change': 'a person changed their password',
  'password.reset_begin': 'a password reset code was created',
  'password.reset': 'a password reset code was used',
  'second_factor.begin': 'the setup of a second factor was started',
  'second_factor.confirm': 'a second factor was turned on',
  'second_factor.remove': 'a second factor was turned off',
  'recovery_code.renew': 'the recovery codes of a second factor were replaced',
  'owner.setup': 'the setup code was used, or (`failure`) was wrong or expired',
  'invitation.create': 'an invitation was created',
  'invitation.revoke': 'an invitation was revoked',
  'target.add': 'a target, such as a webhook, was added',
  'target.change': 'a target was changed; `fields` says what',
  'target.remove': 'a target was removed',
  'target.secret': 'the secret of a target was replaced',
  'target.test': 'a test was sent to a target, or (`failure`) could not be',
  'target.replay': '`count` deliveries to a target were sent again',
  'target.disable':
    'the server disabled a target: its receiver is gone, or it has failed for five days',
  'backup.create': 'a backup was created, or (`failure`) could not be',
  'backup.restore': 'a backup was restored',
  'home.move': '`migrate` began to move the home to another database; `to` is its address',
  'home.move_undo':
    'the home stays in the database that it had moved from, or a move was interrupted; `to` is where it had moved to',
  'lock.add': 'a lock was added',
  'lock.rename': 'a lock was renamed',
  'lock.state': 'a lock was disabled, enabled again, or retired for good',
  'lock.operator':
    'the operator of a lock, as whom the MQTT broker may open it, was set or removed; `operator` is the account, or `none`',
  'lock.driver': 'the driver of a lock was set, changed or removed; `kind` is the new one',
  'controller.enrol_code': 'a one-time code was created that enrols a controller at a lock',
  'controller.enrol': 'a controller enrolled at a lock; `controller` is its id',
  'controller.remove': 'a controller was removed',
  'controller.fork':
    '(`failure`) two reports of a controller have the same counter: somebody copied its key, or restored an old image of it',
  'door_key.rotate':
    'the key that signs commands to controllers was replaced; `stolen`: controllers have to enrol again',
  'lock.slot':
    'a slot of a lock, such as a code or card, was assigned to a person, or (`ended`) no longer is',
  'lockdown.begin': 'a lockdown of the home or of a lock began, or its end was changed',
  'lockdown.end':
    'somebody ended a lockdown, or (`failure`) was not allowed to; a lockdown that ends by itself leaves no event',
  'holiday.change': 'a holiday was added, renamed or removed',
  'zone.change': 'the time zone of the home changed since the previous start',
  'grant.make': 'a person or a role was given access to locks; `grant` is the id of the grant',
  'grant.change': 'a grant was changed',
  'grant.revoke': 'a grant was revoked',
  'grant.suspend':
    'a grant opens nothing until an owner confirms it: a backup was restored, and it may have been revoked or used up since, or the host of the guest was erased',
  'grant.confirm': 'an owner let a suspended grant open again',
  'grant.use_return':
    'a use of a grant was given back, because the lock did not open; `use` says which, of `uses_max`',
  'pass.make': 'a guest was invited; `grant` is the id of the grant of the pass',
  'pass.bind': 'a guest started to use a pass on a phone',
  'pass.refuse': 'a pass was refused on a phone, because it is in use on as many as it allows',
  'pass.rekey': 'a guest’s phone got a new key',
  'pass.ask': 'a guest asked the host for help',
  'pass.change': 'a pass or its grant was changed; `fields` lists what changed in the pass',
  'pass.link': 'a pass got a new link; the old one and the phones that used it stopped working',
  'pass.revoke': 'a pass was revoked',
  'pass.erase': 'a guest was erased',
  'unlocks.export': 'unlocks were exported as a file',
  'log.export': 'an evidence bundle was exported',
  'log.accept_loss':
    'the log continues without unlocks that this gateway had signed, because an older or another database was put in place, or a backup restored; `lost` says how many, if that is known',
  import:
    'a file of the legacy server was imported; its counts say what was imported and what was not',
  'unlocks.erase': 'a name was erased from imported unlocks that belong to no account',
  'unlocks.retention': '`LOG_RETENTION_DAYS` erased names, methods and addresses',
  'tls.reload': 'the certificate was replaced, or (`failure`) could not be',
  'service.start':
    'the server started, with the settings that differ from their defaults; without a `service.stop` before it, after a crash or a power cut',
  'service.stop': 'the server stopped',
  'keys.accept': 'the command `keys accept` replaced keys of the home; `keys` names them',
  'finding.accept': 'an owner accepted a warning until a date',
  'finding.acceptance_withdraw': 'an owner withdrew the acceptance before that date',
  'setting.change':
    'an owner changed a setting, or it differs from the previous start; for a secret, only whether it is set',
} as const

export type AuditAction = keyof typeof AUDIT_ACTIONS

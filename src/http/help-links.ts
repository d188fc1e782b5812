/** The pages of the manual that explain an error, by its code. */
export const HELP_PAGES: Readonly<Record<string, string>> = {
  access_ended: 'accounts#end-dates',
  always_admitted: 'accounts#let-people-in',
  another_device: 'guests#what-happens-to-the-link',
  beyond_your_grants: 'guests#invite-a-guest',
  disk_reserved: 'troubleshooting#the-disk-is-nearly-full',
  foreign_origin: 'api#pages-of-other-sites',
  guests_by_admins: 'guests#invite-a-guest',
  invitation_invalid: 'accounts#who-may-register',
  invitation_needed: 'accounts#who-may-register',
  last_owner: 'accounts#roles',
  log_stopped: 'unlock-log#when-the-log-is-stopped',
  no_backup_dir: 'backups#automatic-backups',
  no_such_pass: 'guests#what-happens-to-the-link',
  otp_invalid: 'second-factor',
  otp_required: 'second-factor',
  owner_needed: 'accounts#roles',
  pass_ended: 'guests#change-revoke-erase',
  rate_limited: 'api#read-unlocks',
  registration_closed: 'accounts#who-may-register',
  second_factor_required: 'second-factor',
  scope_required: 'access-tokens#make-one',
  setting_fixed: 'settings#settings-you-can-change-while-the-server-runs',
  too_large: 'settings',
  too_many_requests: 'api#errors',
  unavailable: 'troubleshooting#when-something-fails',
  unknown_host: 'https#the-names-of-the-server',
  waiting_list_full: 'accounts#who-may-register',
  weak_password: 'accounts#password-length',
}

/** Returns the `Link` header (RFC 8288) to the page that explains an error, if there is one. */
export const helpLink = (code: string): Readonly<Record<string, string>> => {
  const page = HELP_PAGES[code]
  return page === undefined ? {} : { Link: `</manual/${page}>; rel="help"` }
}

import type { Config } from '../config/config.ts'
import { homeZone } from '../config/home-zone.ts'
import { isMailAddress } from '../config/parsers.ts'
import type { Clock } from '../domain/clock.ts'
import type { TargetKind } from '../domain/home-event.ts'
import { linkBase } from '../http/connection/public-url.ts'
import { addressRules } from '../http/outgoing/target-address.ts'
import { type KindDependencies, accepting, notifying, serviceKind } from './kinds.ts'
import { type MailServer, sendMail } from './services/email.ts'
import { gotify } from './services/gotify.ts'
import { ntfy } from './services/ntfy.ts'
import { telegram } from './services/telegram.ts'
import { template } from './services/template.ts'
import { notificationOf } from './words.ts'

type Dependencies = {
  readonly clock: Pick<Clock, 'wallMs'>
  readonly config: Config
  readonly version: string
}

/** Returns the kinds of targets that notify people. Each costs nothing until it is used. */
export const notifyKinds = ({
  clock,
  config,
  version,
}: Dependencies): Readonly<Record<string, TargetKind>> => {
  const deps: KindDependencies = {
    clock,
    version,
    rules: addressRules(config),
    zone: () => homeZone(config),
    linkBase: linkBase(config),
  }
  const { smtpUrl: address, smtpCaFile: caFile } = config
  return {
    ntfy: serviceKind(ntfy, deps),
    gotify: serviceKind(gotify, deps),
    telegram: serviceKind(telegram(), deps),
    template: serviceKind(template, deps),
    email: emailKind(deps, address && { address, caFile }),
  }
}

const OFF = 'E-mail is off: set SMTP_URL first'

const emailKind = (deps: KindDependencies, server: MailServer | undefined): TargetKind => {
  const accept = accepting({
    settings: {
      to: {
        words: 'the address of one mailbox',
        parse: (value) => (typeof value === 'string' && isMailAddress(value) ? value : undefined),
      },
    },
    secrets: {},
  })
  return {
    ...notifying(deps, async (target, message, signal) =>
      server
        ? sendMail(server, target, notificationOf(message, deps), signal)
        : { status: 'failed', answer: OFF },
    ),
    says: '`settings` has the address, `to`; the setting SMTP_URL has the mail server',
    isPersonal: true,
    isOff: server === undefined,
    accept: async (given, current) => accept(given, current),
    destination: () => undefined,
  }
}

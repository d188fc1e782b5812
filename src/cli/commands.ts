import { SETTINGS } from '../config.ts'
import { audit } from './audit.ts'
import { backup } from './backup.ts'
import type { Command } from './command.ts'
import { healthcheck } from './healthcheck.ts'
import { invite } from './invite.ts'
import { log } from './log.ts'
import { restore } from './restore.ts'
import { serve } from './serve.ts'
import { systemdUnit } from './systemd-unit.ts'
import { user } from './user.ts'

/** Every command, by the word that starts it. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  serve,
  user,
  invite,
  log,
  audit,
  backup,
  restore,
  healthcheck,
  'systemd-unit': systemdUnit,
}

/** What `--help` prints. */
export const help = (): string =>
  [
    'Accounts at a front door, and the log of who opened it.',
    '',
    'Usage: secure-lock-server [OPTIONS] [COMMAND]',
    '',
    'Commands:',
    ...Object.values(COMMANDS).flatMap(({ usage, summary, details }) => [
      `  ${usage}`,
      `      ${summary}`,
      ...(details?.split('\n').map((line) => `      ${line}`) ?? []),
    ]),
    '',
    'Options:',
    '  --env-file FILE  settings, as NAME=value lines, for whatever the environment does not set;',
    '                   no file is read unless it is named, not even .env in this folder',
    '  --help, -h       this text',
    '  --version, -v    the version',
    '',
    'Settings, from the environment (default in brackets):',
    ...Object.values(SETTINGS).map(
      ({ env, doc, fallback }) => `  ${env.padEnd(25)} ${doc} [${fallback || 'none'}]`,
    ),
    ...Object.values(SETTINGS).flatMap((one) =>
      'secret' in one
        ? [`  ${`${one.env}_FILE`.padEnd(25)} a file that holds ${one.env} [none]`]
        : [],
    ),
  ].join('\n')

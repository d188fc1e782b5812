import { SETTINGS } from '../config.ts'
import { audit } from './audit.ts'
import type { Command } from './command.ts'
import { grafana } from './grafana.ts'
import { healthcheck } from './healthcheck.ts'
import { invite } from './invite.ts'
import { log } from './log.ts'
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
  healthcheck,
  'systemd-unit': systemdUnit,
  grafana,
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
    '  JWT_SECRET_KEY_FILE       a file that holds JWT_SECRET_KEY [none]',
  ].join('\n')

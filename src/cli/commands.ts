import { audit } from './audit.ts'
import { backup } from './backup.ts'
import { type Command, UsageError, didYouMean } from './command.ts'
import { completion } from './completion.ts'
import { doctor } from './doctor.ts'
import { grafana } from './grafana.ts'
import { healthcheck } from './healthcheck.ts'
import { PROGRAM, commandPage, helpText, overview, settingsPage } from './help.ts'
import { importOlder } from './import.ts'
import { invite } from './invite.ts'
import { licenses } from './licenses.ts'
import { log } from './log.ts'
import { manual } from './manual.ts'
import { restore } from './restore.ts'
import { serve } from './serve.ts'
import { systemdUnit } from './systemd-unit.ts'
import { tls } from './tls.ts'
import { user } from './user.ts'

/** Says what there is to type. */
const help: Command = {
  summary: 'tell more of a command, or of the settings',
  usage: 'help\nhelp COMMAND\nhelp settings',
  operands: ['COMMAND|settings'],
  run: async ([topic, ...more], { print, hasColours }) => {
    if (more.length > 0) throw new UsageError('help takes one word')
    if (topic === undefined) print(helpText([ABOUT], overview(COMMANDS), hasColours))
    else if (topic === 'settings') print(helpText([], settingsPage(), hasColours))
    else {
      const command = commandOf(topic)
      const head = [`${PROGRAM} ${topic}: ${command.summary}`]
      if (command.details) head.push(command.details)
      print(helpText(head, commandPage(topic, command), hasColours))
    }
    return 0
  },
}

const ABOUT = 'Accounts at a front door, and the log of who opened it.'

/** Every command, by the word that starts it. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  serve,
  user,
  invite,
  import: importOlder,
  log,
  audit,
  backup,
  restore,
  tls,
  doctor,
  healthcheck,
  'systemd-unit': systemdUnit,
  grafana,
  completion: completion(() => COMMANDS),
  man: manual(() => COMMANDS),
  licenses,
  help,
}

/** Throws `UsageError` for a word that starts none. */
export const commandOf = (name: string): Command => {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (!command)
    throw new UsageError(`There is no command "${name}"${didYouMean(name, Object.keys(COMMANDS))}`)
  return command
}

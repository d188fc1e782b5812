import { type Command, UsageError, didYouMean, unknownAction } from './command/command.ts'
import { type Commands, PROGRAM, commandPage, helpText, overview } from './help/help.ts'
import { pageOf, pageText, topics } from './help/topic.ts'

/** Shows help about the program or a command, or a page of the manual. */
const help = (names: readonly string[]): Command => ({
  summary: 'show help about a command, or a page of the manual',
  usage: 'help [COMMAND|TOPIC]',
  operands: [`[COMMAND|${names.join('|')}]`],
  run: async ([topic, action, ...more], { printStyled: print, hasColours }) => {
    // A command may have a page in the manual too: `help controller` and `help controller manual`.
    const isManual = topic !== undefined && isCommand(topic) ? action === 'manual' : true
    const page = topic === undefined || !isManual ? undefined : await pageOf(topic)
    if (more.length > 0 || (page && action !== undefined && !isCommand(page.name)))
      throw new UsageError('help takes one command or topic')
    if (topic === undefined)
      print(helpText([ABOUT], overview(await allCommands(), names), hasColours))
    else if (page) print(await pageText(page, hasColours))
    else {
      const command = await commandOf(topic, names)
      // The page of a command has its subcommands, so `help user add` shows the page of `user`.
      if (action !== undefined && !Object.hasOwn(command.actions ?? {}, action))
        throw unknownAction(topic, action, command.actions)
      const head = [`${PROGRAM} ${topic}: ${command.summary}`]
      if (command.details) head.push(command.details)
      print(helpText(head, commandPage(topic, command), hasColours))
    }
    return 0
  },
})

const isCommand = (name: string): boolean => Object.hasOwn(COMMANDS, name)

const ABOUT = 'Accounts for a front door, and a log of who unlocked it.'

/** Every command by its name. Each is loaded only when needed, so that the service does not keep
 * the others in memory. */
const COMMANDS: Readonly<Record<string, () => Command | Promise<Command>>> = {
  serve: async () => (await import('./serve/serve.ts')).serve,
  user: async () => (await import('./user.ts')).user,
  token: async () => (await import('./token.ts')).token,
  lock: async () => (await import('./lock/lock.ts')).lock,
  target: async () => (await import('./target/target.ts')).target,
  grant: async () => (await import('./grant/grant.ts')).grant,
  guest: async () => (await import('./guest/guest.ts')).guest,
  controller: async () => (await import('./controller/controller.ts')).controller,
  mqtt: async () => (await import('./mqtt.ts')).mqtt,
  invite: async () => (await import('./invite.ts')).invite,
  import: async () => (await import('./import.ts')).importLegacy,
  log: async () => (await import('./log/log.ts')).log,
  audit: async () => (await import('./audit.ts')).audit,
  backup: async () => (await import('./backup/backup.ts')).backup,
  restore: async () => (await import('./backup/restore.ts')).restore,
  migrate: async () => (await import('./migrate.ts')).migrate,
  tls: async () => (await import('./tls/tls.ts')).tls,
  doctor: async () => (await import('./doctor/doctor.ts')).doctor,
  healthcheck: async () => (await import('./healthcheck.ts')).healthcheck,
  'systemd-unit': async () => (await import('./systemd-unit.ts')).systemdUnit,
  keys: async () => (await import('./serve/keys.ts')).keys,
  'metrics-token': async () => (await import('./metrics-token.ts')).metricsToken,
  grafana: async () => (await import('./grafana.ts')).grafana,
  completion: async () => (await import('./help/completion.ts')).completion(allCommands),
  man: async () => (await import('./help/manual.ts')).manual(allCommands),
  licenses: async () => (await import('./licenses.ts')).licenses,
  help: async () => help(await topics()),
}

/** Throws `UsageError` for an unknown command, and suggests one, or one of the topics where these are
 * allowed too. */
export const commandOf = async (
  name: string,
  topicNames: readonly string[] = [],
): Promise<Command> => {
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (!load) {
    const kind = topicNames.length === 0 ? 'command' : 'command or topic'
    const words = [...Object.keys(COMMANDS), ...topicNames]
    const meant = name === 'version' ? '; did you mean "--version"?' : didYouMean(name, words)
    throw new UsageError(`There is no ${kind} "${name}"${meant}`)
  }
  return load()
}

/** Loads all commands, for help and completion. */
export const allCommands = async (): Promise<Commands> => {
  const loaded = Object.entries(COMMANDS).map(async ([name, load]) => [name, await load()] as const)
  return Object.fromEntries(await Promise.all(loaded))
}

import type { App } from '../../app.ts'
import { COMMAND_LINE } from '../../domain/audit-event.ts'
import { AppError } from '../../errors.ts'
import type { ShownTarget } from '../../outbox/targets/json.ts'
import type { Terminal } from '../command/command.ts'
import { commandConfig, tellService } from '../command/running-service.ts'
import { withExistingData } from '../command/with-app.ts'

/** Runs `work`, and has the service take up what it changed. */
export const withTargets = (
  terminal: Terminal,
  work: (app: App) => Promise<number | void>,
): Promise<number> => {
  const config = commandConfig(terminal)
  return withExistingData(config, async (app) => {
    const status = await work(app)
    tellService(config)
    return status
  })
}

/** The same with a target, by its id or its name. Throws `not_found`, and `conflict` if several have the name. */
export const withTarget = (
  terminal: Terminal,
  word: string,
  work: (app: App, target: ShownTarget['target']) => Promise<number | void>,
): Promise<number> =>
  withTargets(terminal, async (app) => {
    const all = (await app.outbox.targets.all(COMMAND_LINE)).map(({ target }) => target)
    const found = all.filter(({ id, name }) => id === word || name === word)
    const [target, another] = found
    if (!target) throw new AppError('not_found', `There is no target ${word}; see target list`)
    if (another)
      throw new AppError(
        'conflict',
        `Several targets are called ${word}; name one by its id: ${found.map(({ id }) => id).join(', ')}`,
      )
    return work(app, target)
  })

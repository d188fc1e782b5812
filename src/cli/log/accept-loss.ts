import { parseArgs } from 'node:util'
import type { App } from '../../app.ts'
import { COMMAND_LINE } from '../../domain/audit-event.ts'
import type { LogBreak } from '../../unlocks/guard/head-file.ts'
import { recordLoss } from '../../unlocks/guard/loss.ts'
import { RECEIPTS, lossWords, stopDetail } from '../../unlocks/guard/words.ts'
import type { Action, Options, Terminal } from '../command/command.ts'
import { requireConsent, requireTerminal } from '../command/consent.ts'
import { commandConfig } from '../command/running-service.ts'
import { withTimes } from '../command/table.ts'
import { withExistingData } from '../command/with-app.ts'

const OPTIONS = {
  yes: {
    type: 'boolean',
    default: false,
    summary: 'do not ask for confirmation',
  },
} as const satisfies Options

/** Lets a stopped log continue without what it lost, also while the service runs. */
export const acceptLoss: Action = {
  summary: 'continue the log without lost unlocks, after an older database was put back',
  options: OPTIONS,
  run: async (args, terminal) => {
    const { values } = parseArgs({ args: [...args], options: OPTIONS })
    const config = commandConfig(terminal)
    return withExistingData(config, async (app) => {
      const broken = await app.unlocks.findBreak()
      if (!broken) {
        await requireIntact(app)
        terminal.print('Nothing is lost: the log continues what this gateway has signed')
        return
      }
      terminal.say(withTimes(`${stopDetail(broken)}.`, terminal))
      terminal.say(`${lossWords(broken)}. ${RECEIPTS}`)
      if (!values.yes) await askForConsent(terminal)
      await accept(app, broken)
      terminal.print('The loss is recorded in the log and the audit trail, and the log continues')
      if (config.postgres) terminal.say(OTHERS)
    })
  },
}

/** One replica cannot accept for another, which may have signed unlocks that this one never saw. */
const OTHERS =
  'Each replica keeps its own record of what it has signed: run this on every other replica whose log is stopped, too.'

/** Rejects with `unavailable` if the log cannot grow for another reason. */
const requireIntact = ({ unlocks: { unlockLog } }: App): Promise<void> =>
  unlockLog.requireContinued()

const askForConsent = async (terminal: Terminal): Promise<void> => {
  requireTerminal(terminal, 'log accept-loss')
  await requireConsent(terminal, {
    word: 'accept',
    purpose: 'to continue without them',
    refusal: 'Nothing was accepted',
  })
}

const accept = async ({ unlocks, audit }: App, broken: LogBreak): Promise<void> => {
  const { unlockLog, guard, deriveUuid } = unlocks
  const keepNewHead = guard.accept(broken, await unlockLog.treeHead())
  await recordLoss(COMMAND_LINE, broken, {
    deriveUuid,
    append: unlockLog.append,
    record: audit.record,
  })
  await keepNewHead()
}

import { parseArgs } from 'node:util'
import type { App } from '../../app.ts'
import { COMMAND_LINE } from '../../domain/audit-event.ts'
import type { LogBreak } from '../../unlocks/guard/head-file.ts'
import { recordLosses } from '../../unlocks/guard/loss.ts'
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
      const stops = await app.unlocks.stops()
      const breaks = stops?.breaks ?? [broken]
      for (const one of breaks) {
        terminal.say(withTimes(`${stopDetail(one)}.`, terminal))
        terminal.say(`${lossWords(one)}.`)
      }
      terminal.say(RECEIPTS)
      if (!values.yes) await askForConsent(terminal)
      await accept(app, breaks, stops?.text)
      terminal.print('The loss is recorded in the log and the audit trail, and the log continues')
      if (stops) terminal.say(OTHERS)
    })
  },
}

/** What no replica has said yet cannot be accepted: one that did not run may have signed unlocks that no other saw. */
const OTHERS =
  'This holds for all replicas that have run since. If another one starts later that has signed more, the log stops again.'

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

const accept = async (
  { unlocks, audit }: App,
  breaks: readonly LogBreak[],
  stopped: string | undefined,
): Promise<void> => {
  const { unlockLog, guard, deriveUuid } = unlocks
  const own = guard.ownBreak()
  const keepNewHead = own && guard.accept(own, await unlockLog.treeHead())
  await recordLosses(COMMAND_LINE, breaks, {
    deriveUuid,
    append: (events) => unlockLog.appendAccepting(events, stopped),
    record: audit.record,
  })
  await keepNewHead?.()
}

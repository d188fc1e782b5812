import type { App } from '../../app.ts'
import type { Logger } from '../../http/log/logger.ts'

/** How long to wait before trying to begin the work again. */
const AGAIN_MS = 1000

/** Does what only one replica of a home does, while this one leads: it sends messages, speaks with locks and the broker,
 * erases what is due, verifies the log and creates backups. Resolves once that has begun, or if another replica leads.
 * The end of the app ends it. */
export const whileLeading = (app: App, log: Logger): Promise<void> => {
  const { unlocks, locks, guests, accounts, ops, mqtt, outbox, drivers } = app
  const rounds = [
    unlocks.retention,
    locks.decisions.retention,
    guests.erasure,
    accounts.erasures,
    accounts.waitingList,
  ]

  const begin = async (): Promise<void> => {
    await app.beginLeading()
    unlocks.verification.start()
    for (const round of rounds) {
      // The service may be stopping.
      if (!app.db.leading.isLeader()) return
      await round.apply()
    }
    ops.backups.start()
    await mqtt?.begin()
    outbox.start()
  }

  const end = async (): Promise<void> => {
    drivers.end()
    for (const round of rounds) round.stop()
    unlocks.verification.pause()
    await Promise.all([outbox.stop(), mqtt?.end(), ops.backups.stop()])
  }

  let turn: Promise<void> = Promise.resolve()
  let again: Timer | undefined
  const take = (step: () => Promise<void>): void => {
    turn = turn
      .then(step)
      .catch((error: unknown) => log.error({ err: error }, 'work of the leader'))
  }

  const beginUnlessLost = async (): Promise<void> => {
    // After the lead was lost and won again, the work would begin twice.
    clearTimeout(again)
    try {
      await begin()
    } catch (error) {
      // If the lead was lost meanwhile, `end` follows.
      if (!app.db.leading.isLeader()) return
      // If a server hung, this replica may still lead, and then nothing else would begin the work.
      if (!app.db.isFile) again = setTimeout(() => take(beginAgain), AGAIN_MS).unref()
      throw error
    }
  }

  const beginAgain = async (): Promise<void> => {
    if (!app.db.leading.isLeader()) return
    await end()
    await beginUnlessLost()
  }

  app.db.leading.onChange((isLeader) => {
    if (!app.db.isFile) log.info(isLeader ? 'this replica leads' : 'this replica no longer leads')
    take(isLeader ? beginUnlessLost : end)
  })
  return turn
}

import { findAccountState } from '../../accounts/core/account-state-store.ts'
import type { App } from '../../app.ts'
import { clockFrom } from '../../domain/clock.ts'
import { setupService } from '../../drivers/setup/service.ts'
import { slotService } from '../../drivers/slots/service.ts'

/** The drivers and slots of locks, without running any driver: only the service does, which also knows whether there
 * is a broker. */
export const lockSetups = ({ db, audit: { auditIn }, locks: { findLock } }: App) => ({
  setups: setupService({ db, auditIn, findLock, hasBroker: true, onChange: () => {} }),
  slots: slotService({
    db,
    auditIn,
    findLock,
    nameOf: async (publicId) => (await findAccountState(db, publicId))?.username,
    clock: clockFrom(),
  }),
})

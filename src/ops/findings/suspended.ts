import type { Finding } from '../finding.ts'

/** Reports grants that open nothing until an owner confirms them. */
export const suspendedFindings = (count: number): readonly Finding[] =>
  count === 0
    ? []
    : [
        {
          check: 'grants',
          state: 'warning',
          says: `${count === 1 ? 'A grant opens' : `${count.toLocaleString('en')} grants open`} nothing until an owner confirms ${count === 1 ? 'it' : 'them'}: a backup was restored since, or the host of the guest was erased`,
          fix: 'Look at each (secure-lock-server grant list), then confirm it (secure-lock-server grant confirm ID), or revoke it',
          page: '/manual/backups#after-a-restore',
          id: 'grants-suspended',
        },
      ]

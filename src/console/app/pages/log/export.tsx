import { useState } from 'preact/hooks'
import { api, withQuery } from '../../api/client.ts'
import { usePages } from '../../api/load.ts'
import { saveFile } from '../../api/save-file.ts'
import { gateway, role } from '../../api/session.ts'
import { showToast } from '../../components/feedback/toast.tsx'
import { Button } from '../../components/form/button.tsx'
import { List } from '../../components/list/list.tsx'
import { type LogFilter, logQuery } from '../../routing/log-filter.ts'
import { Time } from '../../time/time.tsx'
import type { AuditEvent } from '../../words/audit-event.ts'
import { errorMessage } from '../../words/error.ts'

const FORMATS = ['csv', 'ndjson'] as const
type Format = (typeof FORMATS)[number]

/** Exports the unlocks under the current filter. An owner also sees past exports. */
export const LogExport = ({ filter }: { readonly filter: LogFilter }) => {
  const [busy, setBusy] = useState<Format | undefined>(undefined)
  const [exports, setExports] = useState(0)
  const save = async (format: Format): Promise<void> => {
    setBusy(format)
    try {
      const query = { format, ...logQuery(filter, gateway.value?.zone ?? 'UTC') }
      const answer = await api.fetch(withQuery('/v1/unlocks/export', query))
      saveFile(await answer.blob(), `unlocks.${format}`)
      showToast(`Saved as unlocks.${format}.`)
    } catch (error) {
      showToast(errorMessage(error))
    }
    setBusy(undefined)
    setExports((before) => before + 1)
  }
  return (
    <details class="export">
      <summary>Export</summary>
      <div class="sheet">
        <p class="hint">All unlocks that match the search and filters, oldest first.</p>
        <p class="actions">
          {FORMATS.map((format) => (
            <Button
              key={format}
              isBusy={busy === format}
              disabled={busy !== undefined}
              onClick={() => void save(format)}
            >
              Export as {format.toUpperCase()}
            </Button>
          ))}
        </p>
        {role.value === 'owner' && <PastExports key={exports} />}
      </div>
    </details>
  )
}

/** Loads the past exports only when somebody opens the list. */
const PastExports = () => {
  const [isOpen, setOpen] = useState(false)
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Past exports</summary>
      {isOpen && <PastExportsList />}
    </details>
  )
}

const PastExportsList = () => (
  <>
    <p class="hint">
      From the audit events. Bundles exported on the gateway are not listed here, and viewing the
      log is not recorded.
    </p>
    <List
      label="Past exports"
      pages={usePages<AuditEvent>('/v1/audit', { action: 'unlocks.export', limit: 20 }, 'events')}
      keyOf={({ seq }) => seq}
      row={(event) => (
        <div class="row">
          <strong>{event.actor?.name ?? 'Erased person'}</strong>
          <span>{exportWords(event)}</span>
          <Time at={event.at} />
        </div>
      )}
      empty="None yet."
    />
  </>
)

const exportWords = ({ actor, subject, detail }: AuditEvent): string => {
  const isOwn = subject !== null && subject.id === actor?.id
  const others = subject ? `unlocks of ${subject.name ?? 'an erased person'}` : 'the log'
  const filters = String(detail['filters'] ?? '')
    .split(',')
    .filter((name) => name !== '' && name !== 'account')
  const filtered = filters.length > 0 ? `, filtered by ${filters.join(', ')}` : ''
  return `${isOwn ? 'their own unlocks' : others} as ${String(detail['format']).toUpperCase()}${filtered}`
}

import type { AuditEventAnswer } from '../../../audit/schema.ts'
import { useState } from 'preact/hooks'
import { api, withQuery } from '../api.ts'
import { Button } from '../components/button.tsx'
import { List } from '../components/list.tsx'
import { Time } from '../components/time.tsx'
import { tell } from '../components/toast.tsx'
import { usePages } from '../load.ts'
import { type LogFilter, apiFilter } from '../log-filter.ts'
import { gateway, role } from '../session.ts'
import { saveFile } from '../save-file.ts'
import { wordsOf } from '../words.ts'

const FORMATS = ['csv', 'ndjson'] as const
type Format = (typeof FORMATS)[number]

/** Takes what is shown out as a file; an owner sees who did so before. */
export const LogFiles = ({ filter }: { readonly filter: LogFilter }) => {
  const [busy, setBusy] = useState<Format | undefined>(undefined)
  const [taken, setTaken] = useState(0)
  const save = async (format: Format): Promise<void> => {
    setBusy(format)
    try {
      const query = { format, ...apiFilter(filter, gateway.value?.zone ?? 'UTC') }
      const answer = await api.fetch(withQuery('/v1/unlocks/export', query))
      saveFile(await answer.blob(), `unlocks.${format}`)
      tell(`Saved as unlocks.${format}`)
    } catch (error) {
      tell(wordsOf(error))
    }
    setBusy(undefined)
    setTaken((before) => before + 1)
  }
  return (
    <details class="files">
      <summary>As a file</summary>
      <div class="sheet">
        <p class="hint">All that fits the search, oldest first, however many there are.</p>
        <p class="actions">
          {FORMATS.map((format) => (
            <Button
              key={format}
              isBusy={busy === format}
              disabled={busy !== undefined}
              onClick={() => void save(format)}
            >
              Save as {format.toUpperCase()}
            </Button>
          ))}
        </p>
        {role.value === 'owner' && <Takers key={taken} />}
      </div>
    </details>
  )
}

/** Who took the log out; read only when somebody asks. */
const Takers = () => {
  const [isOpen, setOpen] = useState(false)
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Who took it out before</summary>
      {isOpen && <TakersList />}
    </details>
  )
}

const TakersList = () => (
  <>
    <p class="hint">
      Each file is recorded in the audit trail. Who only looked is not, and neither is a bundle made
      at the gateway itself.
    </p>
    <List
      label="Files taken out"
      pages={usePages<AuditEventAnswer>(
        '/v1/audit',
        { action: 'unlocks.export', limit: 20 },
        'events',
      )}
      keyOf={({ seq }) => seq}
      row={(record) => (
        <div class="row">
          <strong>{record.actor?.name ?? 'Somebody who was erased'}</strong>
          <span>{takenWords(record)}</span>
          <Time at={record.at} />
        </div>
      )}
      empty="Nobody yet."
    />
  </>
)

const takenWords = ({ actor, subject, detail }: AuditEventAnswer): string => {
  const isOwn = subject !== null && subject.id === actor?.id
  const ofOther = subject ? `openings of ${subject.name ?? 'somebody who was erased'}` : 'the log'
  const filters = String(detail['filters'] ?? '')
    .split(',')
    .filter((name) => name !== '' && name !== 'account')
  const part = filters.length > 0 ? `, narrowed by ${filters.join(', ')}` : ''
  return `${isOwn ? 'their own openings' : ofOther}, as ${String(detail['format']).toUpperCase()}${part}`
}

import type { Static } from '@sinclair/typebox'
import { useEffect } from 'preact/hooks'
import type { BackupsAnswer } from '../../../../ops/schema.ts'
import { api } from '../../api/client.ts'
import { Action } from '../../components/form/action.tsx'
import { Section } from '../../components/layout/section.tsx'
import { Note } from '../../components/feedback/states.tsx'
import { Time } from '../../time/time.tsx'
import { WhenLoaded } from '../../components/feedback/when-loaded.tsx'
import { useLoad } from '../../api/load.ts'
import { ENGLISH, counted } from '../../words/format.ts'

type Backups = Static<typeof BackupsAnswer>

const POLL_MS = 1500

/** Lists the backups and creates one now. */
export const BackupList = () => {
  const loaded = useLoad('backups', (signal) => api.get<Backups>('/v1/backups', { signal }))
  const { data, reload } = loaded
  useEffect(() => {
    if (!data?.running) return undefined
    const timer = setTimeout(reload, POLL_MS)
    return () => clearTimeout(timer)
  }, [data])
  const create = async (): Promise<void> => {
    await api.post('/v1/backups')
    reload()
  }
  return (
    <Section title="Backups" lead={data && planOf(data)}>
      <WhenLoaded what="backups" loaded={loaded}>
        {(backups) => (
          <>
            {backups.every_hours === null && (
              <Note kind="warning">
                No backups are scheduled. To create them, set <code>BACKUP_DIR</code> on the gateway
                to a folder on another disk.
              </Note>
            )}
            {backups.failure && (
              <Note kind="warning">
                The last backup failed <Time at={backups.failure.at} />: {backups.failure.reason}
              </Note>
            )}
            {(backups.every_hours !== null || backups.backups.length > 0) && (
              <Files files={backups.backups} />
            )}
            <p role="status">{backups.running && 'Creating and verifying a backup…'}</p>
            {backups.every_hours !== null && (
              <Action onAct={create}>
                {backups.running ? 'Creating…' : 'Create a backup now'}
              </Action>
            )}
          </>
        )}
      </WhenLoaded>
    </Section>
  )
}

const planOf = ({ every_hours: hours, keep }: Backups): string | undefined =>
  hours === null
    ? undefined
    : `One ${hours === 1 ? 'every hour' : `every ${counted(hours, 'hour')}`}. The newest ${keep} are kept, and each is verified.`

const SHOWN = 5

const Files = ({ files }: { readonly files: Backups['backups'] }) => {
  if (files.length === 0) return <p class="quiet">None yet.</p>
  return (
    <>
      <ul class="list" aria-label="Backups">
        {files.slice(0, SHOWN).map(({ file, made_at: at, bytes, encrypted }) => (
          <li key={file} class="row">
            <code>{file}</code>
            {!encrypted && <span class="badge warning">not encrypted</span>}
            <span class="quiet">{sizeOf(bytes)}</span>
            <Time at={at} />
          </li>
        ))}
      </ul>
      {files.length > SHOWN && <p class="quiet">and {files.length - SHOWN} older ones</p>}
    </>
  )
}

const sizeOf = (bytes: number): string => {
  const [size, unit] = bytes < 1e6 ? [bytes / 1e3, 'kB'] : [bytes / 1e6, 'MB']
  return `${size.toLocaleString(ENGLISH, { maximumFractionDigits: 1 })} ${unit}`
}

import type { Static } from '@sinclair/typebox'
import { useEffect } from 'preact/hooks'
import type { BackupsAnswer } from '../../../ops/schema.ts'
import { api } from '../api.ts'
import { Action } from '../components/action.tsx'
import { Section } from '../components/section.tsx'
import { Note } from '../components/states.tsx'
import { Time } from '../components/time.tsx'
import { WhenLoaded } from '../components/when-loaded.tsx'
import { useLoad } from '../load.ts'
import { LOCALE, counted } from '../words.ts'

type Backups = Static<typeof BackupsAnswer>

const LOOK_MS = 1500

/** What the service has put aside, and putting it aside now. */
export const BackupList = () => {
  const loaded = useLoad('backups', (signal) => api.get<Backups>('/v1/backups', { signal }))
  const { data, reload } = loaded
  useEffect(() => {
    if (!data?.running) return undefined
    const timer = setTimeout(reload, LOOK_MS)
    return () => clearTimeout(timer)
  }, [data])
  const make = async (): Promise<void> => {
    await api.post('/v1/backups')
    reload()
  }
  return (
    <Section title="Backups" lead={data && planOf(data)}>
      <WhenLoaded what="the backups" loaded={loaded}>
        {(backups) => (
          <>
            {backups.every_hours === null && (
              <Note kind="warning">
                No backups are made. Set <code>BACKUP_DIR</code> at the gateway to another disk.
              </Note>
            )}
            {backups.failure && (
              <Note kind="warning">
                The latest failed <Time at={backups.failure.at} />: {backups.failure.reason}
              </Note>
            )}
            <Files files={backups.backups} />
            <p role="status">{backups.running && 'A backup is being made and checked…'}</p>
            {backups.every_hours !== null && (
              <Action onAct={make}>{backups.running ? 'Being made…' : 'Make one now'}</Action>
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
    : `One every ${counted(hours, 'hour')}, and the newest ${keep} are kept. Each is checked before it counts.`

const SHOWN = 5

const Files = ({ files }: { readonly files: Backups['backups'] }) => {
  if (files.length === 0) return <p class="quiet">There is none yet.</p>
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
  return `${size.toLocaleString(LOCALE, { maximumFractionDigits: 1 })} ${unit}`
}

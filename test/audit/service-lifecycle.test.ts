import { expect, test } from 'bun:test'
import { startApp } from '../support/app.ts'

const HOST = { name: 'HOST', value: '::1', defaultText: '127.0.0.1' }
const PORT = { name: 'PORT', value: '5000', defaultText: '5000' }
/** A setting of one replica only, which may differ from start to start. */
const OWN = { name: 'INSTANCE_NAME', value: 'west', defaultText: '', isOwn: true }
const level = (value: string) => ({ name: 'LOG_LEVEL', value, defaultText: 'info' })

test('[O3] a start records the settings that differ from their defaults, and those that changed since the one before', async () => {
  await using app = await startApp({ INSTANCE_NAME: 'west' })
  const { recordStart, recordSetting, recordStop } = app.audit.lifecycle
  await recordStart([PORT, level('info'), HOST])
  await recordSetting('LOG_LEVEL', 'info', 'debug')
  await recordStop()
  await recordStart([PORT, level('warn'), HOST, OWN])
  const rows = await app.db.all<{ action: string; subject: string | null; detail: string }>(
    `SELECT action, subject, detail
     FROM audit_event
     WHERE action LIKE 'service.%' OR action LIKE 'setting.%'
     ORDER BY seq`,
  )
  const told = rows.map(({ detail, ...row }) => {
    const { version, ...rest } = JSON.parse(detail) as Record<string, unknown>
    return { ...row, detail: rest, hasVersion: version !== undefined }
  })
  const instance = 'west'
  const change = (from: string, to: string, more = {}) => ({
    action: 'setting.change',
    subject: 'LOG_LEVEL',
    detail: { from, to, ...more },
    hasVersion: false,
  })
  const start = (detail: Record<string, string>) => ({
    action: 'service.start',
    subject: null,
    detail: { ...detail, instance },
    hasVersion: true,
  })
  expect(told).toStrictEqual([
    start({ HOST: '::1' }),
    change('info', 'debug', { instance }),
    { action: 'service.stop', subject: null, detail: { instance }, hasVersion: false },
    change('debug', 'warn'),
    start({ LOG_LEVEL: 'warn', HOST: '::1', INSTANCE_NAME: 'west' }),
  ])
})

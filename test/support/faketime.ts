import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { UNLIMITED, startService, temporaryFolder } from './binary.ts'

/** The variant for threads: with the other one, a thread sometimes sees the real time. */
export const FAKETIME = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1',
].find((path) => existsSync(path))

/** True if the time of day of a service can be set. */
export const CAN_FAKE = FAKETIME !== undefined || process.env['REQUIRE_FAKETIME'] === '1'

/** A service whose time of day is set by hand, in the format of faketime(1). */
export const withClock = (settings: Readonly<Record<string, string>> = {}) => {
  const folder = temporaryFolder()
  const time = join(folder, 'time')
  const setClock = (text: string) => writeFileSync(time, `${text}\n`)
  const env = {
    ...UNLIMITED,
    ...settings,
    LD_PRELOAD: FAKETIME ?? '',
    FAKETIME_TIMESTAMP_FILE: time,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  }
  return {
    folder,
    setClock,
    start: (clock: string) => {
      setClock(clock)
      return startService({ folder, env })
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  }
}

/** The environment of a process whose time of day is another, in the format of faketime(1). */
export const fakeTime = (time: string) => ({
  LD_PRELOAD: FAKETIME ?? '',
  FAKETIME: time,
  FAKETIME_DONT_FAKE_MONOTONIC: '1',
})

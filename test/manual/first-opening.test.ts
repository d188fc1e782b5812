import { expect, test } from 'bun:test'
import { readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { clientOf } from '../support/app.ts'
import { temporaryFolder } from '../support/binary.ts'
import { codeOf, guestPhone } from '../support/guests.ts'
import { patternOf, section, stepsOf, textOf } from '../support/manual.ts'
import { shellIn } from '../support/pasting.ts'
import { until } from '../support/until.ts'

const PAGE = 'src/manual/first-opening.md'

test.skipIf(!Bun.which('curl'))(
  'from an empty folder to OPEN: every command as printed, and the link of the guest',
  async () => {
    const folder = temporaryFolder()
    {
      await using shell = await shellIn(folder)
      const steps = stepsOf(textOf(PAGE))
      const [invite] = stepsOf(section(PAGE, 'Invite a guest'))
      const openings = () =>
        readFileSync(join(folder, 'door.log'), 'utf8').match(/^OPEN$/gm)?.length ?? 0
      for (const { command, answer } of steps) {
        const answered = await shell.paste(command)
        expect([command, answered]).toEqual([
          command,
          answer === undefined ? '' : expect.stringMatching(patternOf(answer)),
        ])
        if (command !== invite?.command) continue
        expect(openings()).toBe(1)
        const { origin } = new URL(answered)
        const phone = guestPhone(clientOf(origin))
        expect((await phone.bind(codeOf({ link: answered }))).status).toBe(200)
        expect((await phone.unlock()).body.decision).toBe('permitted')
        await until(() => openings() === 2)
      }
    }
    expect(readdirSync(folder).toSorted()).toEqual([
      'data',
      'door.log',
      'gateway.log',
      'lock-controller',
      'secure-lock-server',
    ])
    rmSync(folder, { recursive: true })
  },
)

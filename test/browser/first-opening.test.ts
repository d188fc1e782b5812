import { describe, expect, test } from 'bun:test'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '../support/binary.ts'
import { section, stepsOf, textOf } from '../support/manual.ts'
import { shellIn } from '../support/pasting.ts'
import { until } from '../support/until.ts'
import { IS_LEFT_OUT, useBrowser, visit } from './chromium.ts'
import { PHONE } from './looks.ts'

const PAGE = 'src/manual/first-opening.md'

describe.skipIf(IS_LEFT_OUT)('the manual’s first opening', () => {
  const browser = useBrowser()

  test('a guest opens the link, holds the button, and the dry run prints OPEN', async () => {
    const folder = temporaryFolder()
    {
      await using shell = await shellIn(folder)
      const [invite] = stepsOf(section(PAGE, 'Invite a guest'))
      let link = ''
      for (const { command } of stepsOf(textOf(PAGE))) {
        link = await shell.paste(command)
        if (command === invite?.command) break
      }
      const openings = () =>
        readFileSync(join(folder, 'door.log'), 'utf8').match(/^OPEN$/gm)?.length ?? 0
      expect(openings()).toBe(1)

      await using seen = await visit(browser(), new URL(link).origin, { viewport: PHONE })
      const { page } = seen
      await page.goto(link)
      await page.getByRole('button', { name: 'Use on this phone' }).click()
      const button = page.getByRole('button', { name: 'Hold to open' })
      await button.hover()
      await page.mouse.down()
      await until(() => openings() === 2)
      await page.mouse.up()
      await page.getByText('Open: push').waitFor()
      expect(seen.foreign).toEqual([])
    }
    rmSync(folder, { recursive: true })
  })
})

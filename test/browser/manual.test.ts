import { describe, expect, test } from 'bun:test'
import type { BrowserContextOptions } from 'playwright-core'
import { PAGES } from '../../src/manual/pages.ts'
import { UNLIMITED } from '../support/binary.ts'
import { inaccessible } from './accessibility.ts'
import { IS_LEFT_OUT, useBrowser, useService, visit } from './chromium.ts'
import { ENLARGED, CHECKS, fits, setLook } from './looks.ts'

const TEST_MS_MAX = 240_000

const LOOKS = [
  { width: 320, height: 800, scheme: 'light' },
  { width: 1280, height: 800, scheme: 'dark' },
] as const

describe.skipIf(IS_LEFT_OUT)('the manual in a browser', () => {
  const browser = useBrowser()
  const service = useService({ env: UNLIMITED })

  const open = (options: BrowserContextOptions = {}) => visit(browser(), service().url, options)

  test(
    '[I6] every page fits each screen, is accessible in the light and the dark and loads nothing from elsewhere',
    async () => {
      await using seen = await open()
      const { page } = seen
      for (const path of ['/manual', ...[...PAGES.keys()].map((name) => `/manual/${name}`)]) {
        await page.goto(path)
        for (const look of LOOKS) {
          const { width } = look
          await setLook(page, look)
          await fits(page, path, look)
          expect([path, width, await inaccessible(page, CHECKS[look.scheme])]).toEqual([
            path,
            width,
            [],
          ])
        }
        // It has the layout of 320 px.
        await fits(page, path, ENLARGED)
      }
      expect(seen.faults).toEqual([])
      expect(seen.foreign).toEqual([])
    },
    TEST_MS_MAX,
  )

  test(
    'a search leaves the sections and rows with every word, and Escape brings the rest back',
    async () => {
      await using seen = await open()
      const { page } = seen
      await page.goto('/manual/settings')
      const rows = page.getByRole('row').filter({ hasText: /[A-Z]_[A-Z]/ })
      const all = await rows.count()
      await page.keyboard.press('/')
      await page.keyboard.type('backup encrypts')
      await page.getByText('1 of ').waitFor()
      const visible = page.getByRole('row').filter({ hasText: 'BACKUP_', visible: true })
      expect(await visible.allTextContents()).toEqual([expect.stringContaining('PASSPHRASE')])
      await page.keyboard.type(' nowhere')
      await page.getByText('Nothing found').waitFor()
      await page.keyboard.press('Escape')
      expect(await rows.count()).toBe(all)
      expect(await page.getByRole('heading', { name: 'Server', exact: true }).isVisible()).toBe(
        true,
      )
      expect(seen.faults).toEqual([])
    },
    TEST_MS_MAX,
  )

  test(
    'a search in the contents counts pages',
    async () => {
      await using seen = await open()
      const { page } = seen
      await page.goto('/manual')
      await page.getByPlaceholder('Search page titles and headings').fill('troubleshooting')
      await page.getByText('1 page', { exact: true }).waitFor()
      await page.getByRole('searchbox').fill('a')
      await page.getByText(/^\d\d pages$/).waitFor()
      expect(seen.faults).toEqual([])
    },
    TEST_MS_MAX,
  )

  test(
    'a link to a section that the search has hidden shows it again',
    async () => {
      await using seen = await open()
      const { page } = seen
      await page.goto('/manual/settings')
      await page.getByRole('searchbox').fill('PUBLIC_URL')
      expect(await page.locator('#backups').isVisible()).toBe(false)
      await page.locator('nav a[href="/manual/settings#backups"]').click()
      expect(await page.locator('#backups').isVisible()).toBe(true)
    },
    TEST_MS_MAX,
  )
})

import { expect } from 'bun:test'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { inaccessible } from './accessibility.ts'

export const NARROWEST = { width: 320, height: 640 }
export const PHONE = { width: 375, height: 800 }
export const DESK = { width: 1280, height: 800 }

const SIZES = [NARROWEST, PHONE, DESK]
const SCHEMES = ['light', 'dark'] as const

/** Where pictures go, for people to look at; without it none are taken, which saves time. */
const SCREENSHOTS = process.env['SCREENSHOTS']

export type Look = { readonly width: number; readonly scheme: (typeof SCHEMES)[number] }

/** Shows a page on three screens, in light and dark. Checks that it fits each of them and that axe
 * finds nothing serious, and then whatever `check` does. Leaves size and colours as they were. */
export const inAllLooks = async (
  page: Page,
  name: string,
  check: (look: Look) => Promise<void> = async () => {},
): Promise<void> => {
  const before = page.viewportSize() ?? DESK
  // Colours are judged as they are after an animation.
  await page.evaluate(END_ANIMATIONS)
  for (const viewport of SIZES) {
    await page.setViewportSize(viewport)
    const { width } = viewport
    for (const scheme of SCHEMES) {
      await page.emulateMedia({ colorScheme: scheme })
      const scrollWidth = await page.evaluate<number>('document.documentElement.scrollWidth')
      const findings = await inaccessible(page, rulesFor({ width, scheme }))
      expect({ name, width, scheme, scrollWidth, findings }).toEqual({
        name,
        width,
        scheme,
        scrollWidth: width,
        findings: [],
      })
      await check({ width, scheme })
      await screenshot(page, `${name}-${width}-${scheme}`)
    }
  }
  await page.emulateMedia({ colorScheme: null })
  await page.setViewportSize(before)
}

/** Colours differ in the dark, and nothing else does. The two narrow screens share one layout. */
const rulesFor = ({ width, scheme }: Look): readonly string[] | undefined =>
  width !== NARROWEST.width && scheme === 'light' ? undefined : ['color-contrast']

const END_ANIMATIONS =
  'document.getAnimations().forEach((one) => one.effect.getTiming().iterations === Infinity || one.finish())'

export const screenshot = async (page: Page, name: string): Promise<void> => {
  if (SCREENSHOTS) await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true })
}

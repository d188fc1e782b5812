import { expect } from 'bun:test'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { inaccessible } from './accessibility.ts'

export const NARROWEST = { width: 320, height: 640 }

/** A phone of 390 px at 200 %. Pages must fit it, and need not look their best. */
export const ENLARGED = { width: 195, height: 422 }
export const PHONE = { width: 390, height: 844 }
export const DESK = { width: 1280, height: 800 }

const SCHEMES = ['light', 'dark'] as const

/** Where screenshots are saved for people to look at; if unset, none are taken, which saves time. */
const SCREENSHOTS = process.env['SCREENSHOTS']

type Look = { readonly width: number; readonly scheme: (typeof SCHEMES)[number] }

type Options = {
  /** Checks something else in each look. */
  readonly check?: (look: Look) => Promise<void>
  readonly sizes?: readonly (typeof PHONE)[]
}

/** Shows a page on several screens, in light and dark, and checks that it fits each of them and that
 * axe finds nothing serious. Without `sizes`, it also has to fit smaller screens, which have the layout of
 * the phone. Leaves size and colours as they were. */
export const inAllLooks = async (
  page: Page,
  name: string,
  { check, sizes }: Options = {},
): Promise<void> => {
  const before = page.viewportSize() ?? DESK
  for (const viewport of sizes ?? [PHONE, DESK]) {
    const { width } = viewport
    for (const scheme of SCHEMES) {
      await setLook(page, { ...viewport, scheme })
      const scrollWidth = await page.evaluate<number>('document.documentElement.scrollWidth')
      const findings = await inaccessible(page, CHECKS[scheme])
      const lowLinks = await page.evaluate<string[]>(LOW_LINKS)
      expect({ name, width, scheme, scrollWidth, findings, lowLinks }).toEqual({
        name,
        width,
        scheme,
        scrollWidth: width,
        findings: [],
        lowLinks: [],
      })
      await check?.({ width, scheme })
      await screenshot(page, `${name}-${width}-${scheme}`)
    }
  }
  await page.emulateMedia({ colorScheme: null })
  if (!sizes) for (const size of [NARROWEST, ENLARGED]) await fits(page, name, size)
  await page.setViewportSize(before)
}

/** Shows a page on a screen, in light or dark, after all transitions. */
export const setLook = async (
  page: Page,
  { scheme, ...viewport }: typeof PHONE & Pick<Look, 'scheme'>,
): Promise<void> => {
  await page.setViewportSize(viewport)
  await page.emulateMedia({ colorScheme: scheme })
  await page.evaluate(END_ANIMATIONS)
}

/** Checks that a page fits a size, and leaves it at that. */
export const fits = async (page: Page, name: string, size: typeof PHONE): Promise<void> => {
  await page.setViewportSize(size)
  const { width } = size
  const scrollWidth = await page.evaluate<number>('document.documentElement.scrollWidth')
  expect({ name, width, scrollWidth }).toEqual({ name, width, scrollWidth: width })
}

/** What is checked in each scheme: only colours differ in the dark. */
export const CHECKS = { light: {}, dark: { only: 'colours' } } as const

/** The end of one transition may start another, in an element that inherits the colour. */
const END_ANIMATIONS = `(async () => {
  const running = () =>
    document
      .getAnimations()
      .filter((one) => one.playState === 'running' && one.effect.getTiming().iterations !== Infinity)
  do {
    for (const animation of running()) animation.finish()
    await new Promise((resolve) => requestAnimationFrame(resolve))
  } while (running().length > 0)
})()`

/** The texts of links less than 24 px high (WCAG 2.5.8), apart from those inside Swagger UI. */
const LOW_LINKS = `[...document.querySelectorAll('a[href]')]
  .filter((link) => link.checkVisibility() && !link.closest('.swagger-ui'))
  .filter((link) => Math.max(...[...link.getClientRects()].map(({ height }) => height)) < 24)
  .map((link) => link.innerText)`

const screenshot = async (page: Page, name: string): Promise<void> => {
  if (SCREENSHOTS) await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true })
}

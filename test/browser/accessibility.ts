import axe from 'axe-core'
import type { Page } from 'playwright-core'

type Finding = {
  readonly id: string
  readonly impact: string | null
  readonly isOurs: boolean
  readonly target: string
  readonly failureSummary: string
}

/** Returns the serious problems that axe-core finds, in everything or in colours only. Leaves out those of Swagger UI's own
 * markup that CSS cannot fix. */
export const inaccessible = async (
  page: Page,
  { only }: { readonly only?: 'colours' | undefined } = {},
): Promise<Finding[]> => {
  if (!(await page.evaluate('Boolean(window.axe)'))) await page.evaluate(axe.source)
  const findings = await page.evaluate<Finding[]>(
    `(${FIND})(${JSON.stringify(only === 'colours')}, ${UNLIKE_TEXTS})`,
  )
  return findings.filter(
    ({ id, impact, isOurs }) =>
      (impact === 'serious' || impact === 'critical') && (isOurs || !KNOWN_OF_SWAGGER_UI.has(id)),
  )
}

/** Contrast takes most of the time of a check, so only one of all texts with the same font, colour and background is
 * checked for it. */
const FIND = `async (isOnlyColours, unlikeTexts) => {
  const options = { elementRef: true, resultTypes: ['violations'] }
  const found = isOnlyColours
    ? []
    : [await axe.run({ ...options, rules: { 'color-contrast': { enabled: false } } })]
  // Only now: meanwhile, the page may have replaced them.
  const texts = unlikeTexts()
  if (texts.length > 0)
    found.push(await axe.run({ include: texts }, { ...options, runOnly: ['color-contrast'] }))
  return found.flatMap(({ violations }) =>
    violations.flatMap(({ id, impact, nodes }) =>
      nodes.map(({ element, target, failureSummary }) => ({
        id,
        impact,
        isOurs: !element.closest('.swagger-ui'),
        target: target.join(),
        failureSummary,
      })),
    ),
  )
}`

/** Returns one visible element for each combination of font, colour and what is behind the text. */
const UNLIKE_TEXTS = `() => {
  const behind = new Map()
  const behindOf = (element) => {
    if (!element) return ''
    if (!behind.has(element)) {
      const { backgroundColor, backgroundImage, filter, opacity, position } = getComputedStyle(element)
      const own = [backgroundColor, backgroundImage, filter, opacity, position].join()
      const outer = behindOf(element.parentElement)
      behind.set(element, own === 'rgba(0, 0, 0, 0),none,none,1,static' ? outer : outer + '|' + own)
    }
    return behind.get(element)
  }
  const texts = new Map()
  for (const element of document.body.querySelectorAll('*')) {
    const hasText =
      element.matches('input, select, textarea') ||
      [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== '')
    if (!hasText || !element.checkVisibility({ visibilityProperty: true })) continue
    const { color, fontSize, fontWeight, textShadow } = getComputedStyle(element)
    const isDisabled = element.matches(':disabled, :disabled *, [aria-disabled=true] *')
    const key = [color, fontSize, fontWeight, textShadow, isDisabled, behindOf(element)].join()
    if (!texts.has(key)) texts.set(key, element)
  }
  return [...texts.values()]
}`

/** A button within the button of an operation's line; a body and a choice without a label; boxes
 * that scroll but take no focus. */
const KNOWN_OF_SWAGGER_UI: ReadonlySet<string> = new Set([
  'label',
  'nested-interactive',
  'scrollable-region-focusable',
  'select-name',
])

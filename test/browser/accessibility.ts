import axe from 'axe-core'
import type { Page } from 'playwright-core'

type Finding = {
  readonly id: string
  readonly impact: string | null
  readonly isOurs: boolean
  readonly target: string
  readonly failureSummary: string
}

/** Serious problems that axe-core finds, of all rules or of those named. Leaves out those of Swagger
 * UI's own markup that CSS cannot fix. */
export const inaccessible = async (page: Page, rules?: readonly string[]): Promise<Finding[]> => {
  if (!(await page.evaluate('Boolean(window.axe)'))) await page.evaluate(axe.source)
  const findings = await page.evaluate<Finding[]>(
    `(${FIND})(${JSON.stringify(rules ? { runOnly: rules } : {})})`,
  )
  return findings.filter(
    ({ id, impact, isOurs }) =>
      (impact === 'serious' || impact === 'critical') && (isOurs || !KNOWN_OF_SWAGGER_UI.has(id)),
  )
}

const FIND = `(options) =>
  axe.run({ elementRef: true, resultTypes: ['violations'], ...options }).then(({ violations }) =>
    violations.flatMap(({ id, impact, nodes }) =>
      nodes.map(({ element, target, failureSummary }) => ({
        id,
        impact,
        isOurs: !element.closest('.swagger-ui'),
        target: target.join(),
        failureSummary,
      })),
    ),
  )`

/** A button within the button of an operation's line; a body and a choice without a label; boxes
 * that scroll but take no focus. */
const KNOWN_OF_SWAGGER_UI: ReadonlySet<string> = new Set([
  'label',
  'nested-interactive',
  'scrollable-region-focusable',
  'select-name',
])

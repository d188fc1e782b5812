import { Type as t } from '@sinclair/typebox'
import { AppError } from '../../../errors.ts'
import { problem } from '../../answers.ts'

/** The header of a change that must not overwrite another one. */
export const IfMatchHeaders = t.Object({
  'if-match': t.Optional(
    t.String({
      description:
        'The `version` that was read (RFC 9110 section 13.1.1): if it has changed since, nothing is changed',
      examples: ['"3"'],
    }),
  ),
})

/** Returns the version that `If-Match` names, with or without quotation marks; undefined without the header
 * or for `*`, and NaN, which no version equals, for anything else. */
export const ifMatch = ({ headers }: Request): number | undefined => {
  const value = headers.get('if-match')?.trim()
  if (value === undefined || value === '*') return undefined
  return Number(
    /^(?:"(?<quoted>\d{1,15})"|(?<plain>\d{1,15}))$/.exec(value)?.slice(1).join('') ?? NaN,
  )
}

const CHANGED = 'Somebody has changed this in the meantime; read it again'

export const VERSION_CHANGED = problem(412, 'version_changed', CHANGED)

/** Throws `precondition_failed` unless `expected` is undefined or the current version. */
export const requireVersion = (expected: number | undefined, current: number): void => {
  if (expected !== undefined && expected !== current)
    throw new AppError('precondition_failed', CHANGED, {
      reason: 'version_changed',
      fields: { 'If-Match': `the current version, "${current}"` },
    })
}

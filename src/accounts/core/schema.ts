import { Type as t } from '@sinclair/typebox'
import { text } from '../../http/request/text.ts'

export const Username = text({
  min: 1,
  max: 50,
  description: 'The name to log in with',
  examples: ['ada'],
})

/** Normalising takes quadratic time in a run of combining marks, so the length is bounded. */
const PASSWORD_CHARACTERS_MAX = 1024

export const Password = text({
  max: PASSWORD_CHARACTERS_MAX,
  controls: 'any',
  isAsTyped: true,
  description: 'Compared in full, up to 1024 characters, after Unicode normalisation (NFKC)',
  examples: ['correct horse battery'],
})

export const CODE_EXAMPLE = '7QJK-3MPN-0V8T-XW2H-5RBD-9CFA-ESYG'
export const Phone = text({ max: 32, examples: ['01234567890'] })
export const Address = text({ max: 200, controls: 'whitespace', examples: ['1 Lock Lane'] })
export const Email = text({ max: 254, examples: ['ada@example.org'] })

export const Unit = text({
  min: 1,
  max: 80,
  description: 'The flat, room or house that a person belongs to; case does not matter',
  examples: ['Flat 3'],
})

export const Time = t.String({ format: 'date-time', description: 'RFC 3339, UTC' })

export const AccountQuery = t.Object({
  account: t.Optional(
    t.String({
      maxLength: 36,
      description: 'Public id of another person, for admins and owners',
      examples: ['6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81'],
    }),
  ),
})

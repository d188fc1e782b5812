import { Type as t } from '@sinclair/typebox'
import { text } from '../http/text.ts'

export const UnlockBody = t.Object({
  'unlocking-method': text({
    min: 1,
    max: 80,
    description: 'How the door was opened, in the words of the app',
    examples: ['fingerprint'],
  }),
})

import { Type as t } from '@sinclair/typebox'
import { optional } from '../../http/request/optional.ts'
import { text } from '../../http/request/text.ts'
import { Password, Username } from '../core/schema.ts'
import { Otp } from '../second-factor/schema.ts'
import { TOKEN_EXAMPLE, TokenAnswer } from '../sessions/schema.ts'

const DEVICE_COOKIE_EXAMPLE =
  'd2hvZXZlciByZWFkcyB0aGlzAAABmq3p5QCkM7vQ1pUuZ0f6wJ8sL2yXbTnHcR9eVg5oKiA3xDlqPm'

export const LoginBody = t.Object(
  {
    username: Username,
    password: Password,
    otp: optional(Otp),
    device_token: optional(
      text({
        max: 100,
        description:
          'From an earlier login on this device: failed logins from elsewhere do not lock it out',
        examples: [DEVICE_COOKIE_EXAMPLE],
      }),
    ),
  },
  { $id: 'Credentials' },
)

export const LoginAnswer = t.Object(
  {
    ...TokenAnswer.properties,
    device_token: t.String({
      description:
        'Store it and send it with the next login. For 90 days, or until all sessions of the ' +
        'account have ended, it distinguishes this device from strangers who guess passwords. It ' +
        'does not log anyone in.',
    }),
  },
  { $id: 'LoginTokens', additionalProperties: false },
)

export const LOGIN_EXAMPLE = { ...TOKEN_EXAMPLE, device_token: DEVICE_COOKIE_EXAMPLE }

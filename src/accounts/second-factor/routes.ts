import { message, problem } from '../../http/answers.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { qrSvg } from '../../http/page/qr.ts'
import type { SecondFactorEnrolment } from './enrolment.ts'
import {
  ConfirmBody,
  EnrolmentAnswer,
  PasswordBody,
  PersonParams,
  ProofBody,
  RecoveryCodesAnswer,
  SecondFactorAnswer,
} from './schema.ts'

type Dependencies = { readonly enrolment: SecondFactorEnrolment }

/** Turning your own second factor on and off, and turning it off for someone who lost their phone.
 * Passwords and codes count against the login limits. */
export const secondFactorRoutes = (deps: Dependencies): readonly Endpoint[] => [
  state(deps),
  begin(deps),
  confirm(deps),
  renewCodes(deps),
  remove(deps),
  reset(deps),
]

const CLOCK =
  'Codes depend on the time of day. If all are refused, the clock of the gateway or of the phone is ' +
  'wrong: the `Date` header of every answer is the gateway’s time. Recovery codes always work.'

const WRONG_PASSWORD = problem(403, 'wrong_password', 'Wrong password')
const WRONG_PROOF = {
  ...problem(403, 'otp_invalid', 'Invalid one-time code'),
  description: `Wrong password (\`wrong_password\`) or code (\`otp_invalid\`). ${CLOCK}`,
}
const IS_OFF = problem(409, 'second_factor_off', 'The second factor is not on')
const BUSY = problem(503, 'unavailable', 'Server busy, try again')

const RECOVERY_CODES = {
  description: 'Ten recovery codes, never shown again',
  schema: RecoveryCodesAnswer,
  example: {
    recovery_codes: ['7QJK-3MPN-0V8T-XW2H-5RBD-9CFA-ESYG', 'K4W2-ZN8B-51TQ-HDRM-0XEC-7PVA-6JYS'],
  },
}

const state = ({ enrolment }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/me/second-factor',
      access: 'member',
      limits: ['auth'],
      tag: 'Second factor',
      operationId: 'getSecondFactor',
      summary: 'Get the state of your second factor',
      answers: {
        200: {
          description: 'The state',
          schema: SecondFactorAnswer,
          example: { is_on: true, is_required: false, recovery_codes: 9 },
        },
      },
    },
    async ({ account }) => {
      const { isOn, isRequired, recoveryCodes } = await enrolment.state(account)
      return { is_on: isOn, is_required: isRequired, recovery_codes: recoveryCodes }
    },
  )

const begin = ({ enrolment }: Dependencies) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/me/second-factor',
      access: 'member',
      limits: ['auth'],
      tag: 'Second factor',
      operationId: 'setUpSecondFactor',
      summary: 'Set up a second factor',
      description:
        'Returns a new secret for an authenticator app (TOTP, RFC 6238: SHA-1, six digits, 30 ' +
        'seconds). Nothing changes until a first code is confirmed; starting again creates ' +
        'another secret.',
      body: PasswordBody,
      answers: {
        200: {
          description: 'The secret. Show it once, and do not store it',
          schema: EnrolmentAnswer,
          example: {
            uri: 'otpauth://totp/Secure%20Lock%20Server:ada?issuer=Secure%20Lock%20Server&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&algorithm=SHA1&digits=6&period=30',
            secret: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ',
            qr_svg: '<svg xmlns="http://www.w3.org/2000/svg" …>',
          },
        },
        400: problem(400, 'invalid', 'Missing password'),
        403: WRONG_PASSWORD,
        409: problem(409, 'second_factor_on', 'The second factor is on; turn it off first'),
        503: BUSY,
      },
    },
    async ({ caller, body }) => {
      const { uri, secret } = await enrolment.begin(caller, body.password)
      return { uri, secret, qr_svg: qrSvg(uri) }
    },
  )

const confirm = ({ enrolment }: Dependencies) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/me/second-factor/confirm',
      access: 'member',
      limits: ['auth'],
      tag: 'Second factor',
      operationId: 'confirmSecondFactor',
      summary: 'Turn on your second factor',
      description:
        'From now on a login needs a code. All other sessions of the account end, because they began ' +
        'without one.',
      body: ConfirmBody,
      answers: {
        200: { ...RECOVERY_CODES, description: 'It is on. Ten recovery codes, never shown again' },
        400: problem(400, 'invalid', 'Missing otp'),
        403: {
          ...problem(403, 'otp_invalid', 'Invalid one-time code'),
          description: `The code is wrong. ${CLOCK}`,
        },
        409: problem(
          409,
          'second_factor_not_begun',
          'Start the setup first: POST /v1/me/second-factor',
        ),
      },
    },
    async ({ caller, body }) => ({
      recovery_codes: [...(await enrolment.confirm(caller, body.otp))],
    }),
  )

const renewCodes = ({ enrolment }: Dependencies) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/me/recovery-codes',
      access: 'member',
      limits: ['auth'],
      tag: 'Second factor',
      operationId: 'createRecoveryCodes',
      summary: 'Create new recovery codes',
      description: 'Voids the old ones.',
      body: ProofBody,
      answers: {
        200: RECOVERY_CODES,
        400: problem(400, 'invalid', 'Missing password, otp'),
        403: WRONG_PROOF,
        409: IS_OFF,
        503: BUSY,
      },
    },
    async ({ caller, body }) => ({
      recovery_codes: [...(await enrolment.renewCodes(caller, body))],
    }),
  )

const remove = ({ enrolment }: Dependencies) =>
  endpoint(
    {
      method: 'DELETE',
      path: '/v1/me/second-factor',
      access: 'member',
      limits: ['auth'],
      tag: 'Second factor',
      operationId: 'turnOffSecondFactor',
      summary: 'Turn off your second factor',
      description:
        'Needs the password and a code; a token alone, which may be stolen, is not enough.',
      body: ProofBody,
      answers: {
        200: message('Logging in needs only the password', 'Second factor is off'),
        400: problem(400, 'invalid', 'Missing password, otp'),
        403: WRONG_PROOF,
        409: IS_OFF,
        503: BUSY,
      },
    },
    async ({ caller, body }) => {
      await enrolment.remove(caller, body)
      return { msg: 'Second factor is off' }
    },
  )

const reset = ({ enrolment }: Dependencies) =>
  endpoint(
    {
      method: 'DELETE',
      path: '/v1/people/:id/second-factor',
      access: 'admin',
      limits: ['auth'],
      tag: 'Second factor',
      operationId: 'turnOffSecondFactorOf',
      summary: 'Turn off an account’s second factor',
      description:
        'For a lost phone. Ends all sessions of the account, since the phone may be logged in. ' +
        'Admins may do this for members, owners for everyone, and nobody for themselves.',
      params: PersonParams,
      answers: {
        200: message('It is off', 'Second factor is off, and all sessions have ended'),
        403: problem(403, 'owner_needed', 'Only an owner can appoint or change admins and owners'),
        404: problem(404, 'not_found', 'No such account'),
        409: problem(409, 'own_account', 'Turn your own off with your password and a code'),
      },
    },
    async ({ params, caller }) => {
      await enrolment.reset(caller, params.id)
      return { msg: 'Second factor is off, and all sessions have ended' }
    },
  )

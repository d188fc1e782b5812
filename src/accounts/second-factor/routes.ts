import { AppError } from '../../errors.ts'
import type { Account } from '../../domain/account.ts'
import { signedIn } from '../../http/authorization.ts'
import type { Endpoints } from '../../http/router.ts'
import type { ReadBody } from '../../http/request/json-body.ts'
import { message, problem } from '../../http/answers.ts'
import { operation } from '../../http/endpoint.ts'
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

type Dependencies = {
  readonly endpoints: Endpoints
  readonly readBody: ReadBody
  readonly enrolment: SecondFactorEnrolment
  readonly findAccount: (publicId: string) => Promise<Account | undefined>
}

/** Turning one's own second factor on and off, and that of a person whose phone is lost. */
export const secondFactorRoutes = (deps: Dependencies) => {
  const { endpoints, readBody, enrolment, findAccount } = deps
  return endpoints
    .group('auth')
    .get(
      '/v1/me/second-factor',
      async ({ caller }) => {
        const { isOn, isRequired, recoveryCodes } = await enrolment.state(signedIn(caller.account))
        return { is_on: isOn, is_required: isRequired, recovery_codes: recoveryCodes }
      },
      STATE,
    )
    .post(
      '/v1/me/second-factor',
      async ({ request, caller }) => {
        const { password } = await readBody(request, PasswordBody)
        const { uri, secret } = await enrolment.begin(caller, password)
        return { uri, secret, qr_svg: qrSvg(uri) }
      },
      BEGIN,
    )
    .post(
      '/v1/me/second-factor/confirm',
      async ({ request, caller }) => {
        const { otp } = await readBody(request, ConfirmBody)
        return { recovery_codes: await enrolment.confirm(caller, otp) }
      },
      CONFIRM,
    )
    .post(
      '/v1/me/recovery-codes',
      async ({ request, caller }) => {
        const proof = await readBody(request, ProofBody)
        return { recovery_codes: await enrolment.renewCodes(caller, proof) }
      },
      RENEW,
    )
    .delete(
      '/v1/me/second-factor',
      async ({ request, caller }) => {
        await enrolment.remove(caller, await readBody(request, ProofBody))
        return { msg: 'Second factor is off' }
      },
      REMOVE,
    )
    .delete(
      '/v1/people/:id/second-factor',
      async ({ params, caller }) => {
        const subject = await findAccount(params.id)
        if (!subject) throw new AppError('not_found', 'No such account')
        await enrolment.resetFor(caller, subject)
        return { msg: 'Second factor is off, and all sessions are ended' }
      },
      RESET,
    )
}

const CLOCK =
  'Codes follow the time of day. Where all are refused, the clock of the gateway or of the phone is ' +
  'wrong: the `Date` header of every answer is the gateway’s. Recovery codes work whatever it says.'

const WRONG_PASSWORD = problem(403, 'wrong_password', 'Wrong password')
const WRONG_PROOF = {
  ...problem(403, 'otp_invalid', 'Invalid one-time code'),
  description: `Wrong password (\`wrong_password\`) or code (\`otp_invalid\`). ${CLOCK}`,
}
const IS_OFF = problem(409, 'second_factor_off', 'The second factor is not on')
const BUSY = problem(503, 'unavailable', 'Server busy, try again')

const CODES_EXAMPLE = {
  recovery_codes: ['7QJK-3MPN-0V8T-XW2H-5RBD-9CFA-ESYG', 'K4W2-ZN8B-51TQ-HDRM-0XEC-7PVA-6JYS'],
}

const STATE = operation({
  access: 'member',
  tag: 'Second factor',
  summary: 'Whether one’s second factor is on',
  answers: {
    200: {
      description: 'How it stands',
      schema: SecondFactorAnswer,
      example: { is_on: true, is_required: false, recovery_codes: 9 },
    },
  },
})

const BEGIN = operation({
  access: 'member',
  tag: 'Second factor',
  summary: 'Begin a second factor',
  description:
    'Gives a new secret for an authenticator app (TOTP, RFC 6238: SHA-1, six digits, 30 seconds). ' +
    'Nothing changes until a first code is confirmed; beginning again makes another secret.',
  body: PasswordBody,
  answers: {
    200: {
      description: 'To be shown once, and not kept',
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
})

const CONFIRM = operation({
  access: 'member',
  tag: 'Second factor',
  summary: 'Turn the second factor on',
  description:
    'From now on a login needs a code. All other sessions of the account end, because they began ' +
    'without one.',
  body: ConfirmBody,
  answers: {
    200: {
      description: 'It is on. Ten recovery codes, which are never shown again',
      schema: RecoveryCodesAnswer,
      example: CODES_EXAMPLE,
    },
    400: problem(400, 'invalid', 'Missing otp'),
    403: {
      ...problem(403, 'otp_invalid', 'Invalid one-time code'),
      description: `The code is wrong. ${CLOCK}`,
    },
    409: problem(409, 'second_factor_not_begun', 'Begin first: POST /v1/me/second-factor'),
  },
})

const RENEW = operation({
  access: 'member',
  tag: 'Second factor',
  summary: 'Make new recovery codes',
  description: 'The old ones are void from then on.',
  body: ProofBody,
  answers: {
    200: {
      description: 'Ten recovery codes, which are never shown again',
      schema: RecoveryCodesAnswer,
      example: CODES_EXAMPLE,
    },
    400: problem(400, 'invalid', 'Missing password, otp'),
    403: WRONG_PROOF,
    409: IS_OFF,
    503: BUSY,
  },
})

const REMOVE = operation({
  access: 'member',
  tag: 'Second factor',
  summary: 'Turn the second factor off',
  description: 'Needs the password and a code; a token alone, which may be stolen, is not enough.',
  body: ProofBody,
  answers: {
    200: message('The password alone logs in', 'Second factor is off'),
    400: problem(400, 'invalid', 'Missing password, otp'),
    403: WRONG_PROOF,
    409: IS_OFF,
    503: BUSY,
  },
})

const RESET = operation({
  access: 'admin',
  tag: 'Second factor',
  summary: 'Turn off a person’s second factor',
  description:
    'For a lost phone. Ends all sessions of that person, since the phone may hold one. An admin ' +
    'does so for members, an owner for anybody else; nobody for themselves.',
  params: PersonParams,
  answers: {
    200: message('It is off', 'Second factor is off, and all sessions are ended'),
    403: problem(403, 'owner_needed', 'Only an owner may do this to an admin or owner'),
    404: problem(404, 'not_found', 'No such account'),
    409: problem(409, 'own_account', 'Turn your own off with your password and a code'),
  },
})

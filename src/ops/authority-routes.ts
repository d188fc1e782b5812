import { AppError } from '../errors.ts'
import type { Endpoints } from '../http/router.ts'
import { message } from '../http/answers.ts'
import { operation } from '../http/endpoint.ts'

type Dependencies = {
  readonly endpoints: Endpoints
  /** The certificate (PEM) that vouches for the one in use. */
  readonly authority: () => string | undefined
}

/** The private CA of this gateway, for a phone that is to trust it. */
export const authorityRoutes = ({ endpoints, authority }: Dependencies) =>
  endpoints.group('default').get(
    '/ca.pem',
    () => {
      const pem = authority()
      if (pem === undefined) throw new AppError('not_found', 'This gateway has no CA of its own')
      return new Response(pem, { headers: { 'content-type': 'application/x-x509-ca-cert' } })
    },
    AUTHORITY,
  )

const AUTHORITY = operation({
  access: 'public',
  tag: 'Health',
  summary: 'The private CA to trust',
  description:
    'The self-signed certificate at the end of the chain in `TLS_CERT_FILE`, PEM. Trust it only ' +
    'where SHA-256 of its DER is the fingerprint that `tls init` showed: whoever stands between ' +
    'phone and gateway can answer another.',
  answers: {
    200: { description: 'The certificate, PEM', contentType: 'application/x-x509-ca-cert' },
    404: message(
      'The certificate is of a public CA, or there is none',
      'This gateway has no CA of its own',
    ),
  },
})

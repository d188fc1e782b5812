import { AppError } from '../errors.ts'
import { message } from '../http/answers.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'

type Dependencies = {
  /** The CA certificate (PEM) that the certificate in use chains to, if it is a private one. */
  readonly authority: () => string | undefined
}

/** The gateway's private CA, for phones to trust. */
export const authorityRoutes = (deps: Dependencies): readonly Endpoint[] => [read(deps)]

const NO_CA = 'This gateway has no CA of its own'

const read = ({ authority }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/ca.pem',
      access: 'public',
      tag: 'Health',
      operationId: 'getCertificateAuthority',
      summary: 'Get the private CA to trust',
      description:
        'The self-signed certificate at the end of the chain in `TLS_CERT_FILE`, PEM. Trust it only ' +
        'if the SHA-256 of its DER is the fingerprint that `tls init` showed: anyone between phone ' +
        'and gateway can send another.',
      answers: {
        200: { description: 'The certificate, PEM', contentType: 'application/x-x509-ca-cert' },
        404: message('The certificate is from a public CA, or there is none', NO_CA),
      },
    },
    () => {
      const pem = authority()
      if (pem === undefined) throw new AppError('not_found', NO_CA)
      return new Response(pem, { headers: { 'content-type': 'application/x-x509-ca-cert' } })
    },
  )

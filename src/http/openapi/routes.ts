import { Elysia } from 'elysia'
import bundlePath from 'swagger-ui-dist/swagger-ui-bundle.js' with { type: 'file' }
import stylePath from 'swagger-ui-dist/swagger-ui.css' with { type: 'file' }
import { asset } from '../page/assets.ts'
import type { Endpoints } from '../router.ts'
import page from './page.html' with { type: 'text' }
import { HIDDEN, type Route } from '../endpoint.ts'
import { PAGE_HEADERS } from '../response-headers.ts'

/** Starts Swagger UI; dark where the browser is, and ready to have the token pasted. */
const START = `const dark = matchMedia('(prefers-color-scheme: dark)')
const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches)
dark.addEventListener('change', follow)
follow()

SwaggerUIBundle({
  url: '/swagger/json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  defaultModelsExpandDepth: -1,
  displayRequestDuration: true,
  syntaxHighlight: { theme: 'tomorrow-night' },
  tryItOutEnabled: true,
  validatorUrl: null,
})

// Left alone, the dialog puts the cursor into its last form, the one for a name and password.
document.addEventListener('click', ({ target }) => {
  if (!target.closest('.btn.authorize:not(.modal-btn), .authorization__btn')) return
  setTimeout(() => document.querySelector('.auth-container input')?.focus())
})
`

type Dependencies = {
  readonly endpoints: Endpoints
  readonly version: string
  /** What the document describes. */
  readonly routes: readonly Route[]
}

/** The OpenAPI document at `/swagger/json`, and Swagger UI at `/swagger` from files within the
 * executable. */
export const openapiRoutes = ({ endpoints, version, routes }: Dependencies) =>
  endpoints
    .group('default')
    .get('/swagger', () => new Response(PAGE, { headers: PAGE_HEADERS }), HIDDEN)
    .get(
      '/swagger/json',
      asset(() => documentOf(routes, version), 'application/json'),
      HIDDEN,
    )
    .get(
      '/swagger/swagger-ui.js',
      asset(() => Bun.file(bundlePath).text(), 'text/javascript'),
      HIDDEN,
    )
    .get(
      '/swagger/swagger-ui.css',
      asset(() => Bun.file(stylePath).text(), 'text/css'),
      HIDDEN,
    )
    .get(
      '/swagger/start.js',
      asset(() => START, 'text/javascript'),
      HIDDEN,
    )

/** The document as the plugin writes it, from an app that has these routes and does nothing, so that
 * the plugin is loaded only when somebody reads it. Its own page is not used: it loads Swagger UI from
 * another host (https://github.com/elysiajs/elysia-openapi/issues/304). */
const documentOf = async (routes: readonly Route[], version: string): Promise<string> => {
  const { swagger } = await import('@elysiajs/swagger')
  const described = new Elysia().use(
    swagger({
      documentation: {
        info: { title: 'Secure Lock Server', version, description: DESCRIPTION },
        tags: TAGS,
        components: { securitySchemes: SECURITY_SCHEMES },
      },
    }),
  )
  for (const { method, path, hooks } of routes) {
    const detail = hooks.detail?.['x-document']?.(path)
    if (detail) described.route(method, path, () => {}, { detail })
  }
  return (await described.handle(new Request('http://localhost/swagger/json'))).text()
}

// The types say that an imported page is a bundle, but with `type: 'text'` it is a string. Right with
// TypeScript 7.1 (https://github.com/oven-sh/bun/pull/41076).
const PAGE = page as unknown as string

const DESCRIPTION = `Accounts at a front door, and the log of who opened it.

**To try it here:** register a person, sign in with \`POST /login\`, press **Authorize**, paste the
\`access_token\` once, and every request below carries it. The tables ask for the name and password
of an owner or admin. The first owner is made with the code that the service prints when it starts,
at \`POST /v1/setup\`, or on the gateway by \`secure-lock-server user add --role owner NAME\`.

Errors are \`{"msg": "…"}\`, under \`/v1\` problem details (RFC 9457), over a limit \`{"error": "…"}\` with \`Retry-After\`; none repeats what was
sent. \`X-Request-Id\` names a request in the server's log. Where \`SECOND_FACTOR=required\`, what is for
admins and owners answers 403 with the code \`second_factor_required\` to those who have not set one up.`

const TAGS = [
  { name: 'Accounts', description: 'Registering, signing in, and one’s own account' },
  { name: 'Second factor', description: 'One-time codes beside the password' },
  { name: 'Invitations', description: 'Letting people in who may register' },
  { name: 'People', description: 'Other people’s accounts, for admins and owners' },
  { name: 'Unlocks', description: 'Recording who opened the door' },
  { name: 'Log', description: 'What proves that the log is honest' },
  { name: 'Settings', description: 'What an owner chooses while the service runs' },
  { name: 'Tables', description: 'What an owner or admin reads in a browser' },
  { name: 'Health', description: 'For supervisors' },
  { name: 'Pages', description: 'For browsers' },
]

const SECURITY_SCHEMES = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'The access_token of POST /login',
  },
  basic: {
    type: 'http',
    scheme: 'basic',
    description: 'Name and password of an owner or admin, for the tables',
  },
  cookie: {
    type: 'apiKey',
    in: 'cookie',
    name: 'lock-access',
    description:
      'Set by POST /v1/session/cookie; over TLS its name is __Host-lock-access. It goes with requests ' +
      'of pages of this origin by itself',
  },
} as const

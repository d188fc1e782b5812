import { Elysia } from 'elysia'
import bundlePath from 'swagger-ui-dist/swagger-ui-bundle.js' with { type: 'file' }
import stylePath from 'swagger-ui-dist/swagger-ui.css' with { type: 'file' }
import { asset } from '../page/assets.ts'
import page from './page.html' with { type: 'text' }
import { type Endpoint, type Route, hiddenEndpoint } from '../endpoint.ts'
import { PAGE_HEADERS } from '../response-headers.ts'

/** Starts Swagger UI: dark if the browser is, with the cursor where the token is pasted. */
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

// By default, the dialog puts the cursor into its last form, the one for a name and password.
document.addEventListener('click', ({ target }) => {
  if (!target.closest('.btn.authorize:not(.modal-btn), .authorization__btn')) return
  setTimeout(() => document.querySelector('.auth-container input')?.focus())
})
`

type Dependencies = {
  readonly version: string
  /** What the document describes. */
  readonly routes: readonly Route[]
}

/** The OpenAPI document at `/swagger/json`, and Swagger UI at `/swagger`, from files inside the
 * executable. */
export const openapiRoutes = ({ version, routes }: Dependencies): readonly Endpoint[] => [
  hiddenEndpoint('/swagger', () => new Response(PAGE, { headers: PAGE_HEADERS })),
  hiddenEndpoint(
    '/swagger/json',
    asset(() => documentOf(routes, version), 'application/json'),
  ),
  hiddenEndpoint(
    '/swagger/swagger-ui.js',
    asset(() => Bun.file(bundlePath).text(), 'text/javascript'),
  ),
  hiddenEndpoint(
    '/swagger/swagger-ui.css',
    asset(() => Bun.file(stylePath).text(), 'text/css'),
  ),
  hiddenEndpoint(
    '/swagger/start.js',
    asset(() => START, 'text/javascript'),
  ),
]

/** Returns the document as the plugin writes it, from an app that has these routes and does nothing,
 * so that the plugin is loaded only when someone reads it. The plugin's own page loads Swagger UI from
 * another host, so it is not used (https://github.com/elysiajs/elysia-openapi/issues/304). */
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

const DESCRIPTION = `Accounts for a front door, and a log of who unlocked it.

**To try it here:** register a person, log in with \`POST /login\`, press **Authorize** and paste the
\`access_token\`; every request below then sends it. The tables ask for the name and password of an
owner or admin. Create the first owner with the setup code that the server prints when it starts, at
\`POST /v1/setup\`, or on the gateway with \`secure-lock-server user add --role owner NAME\`.

Errors are \`{"msg": "…"}\`; under \`/v1\`, problem details (RFC 9457); over a limit, \`{"error": "…"}\`
with \`Retry-After\`. None repeats what was sent. An error with a page in the manual links to it:
\`Link: </manual/PAGE>; rel="help"\`. \`X-Request-Id\` identifies a request in the log of the server.
With \`SECOND_FACTOR=required\`, endpoints for admins and owners answer 403 with the code
\`second_factor_required\` until the caller sets up a second factor. Pages of other sites get 403
with the code \`foreign_origin\`, and a browser that calls the server by an unknown name gets 421.`

const TAGS = [
  { name: 'Accounts', description: 'Registering, logging in, and your own account' },
  { name: 'Sessions', description: 'Where you are logged in' },
  { name: 'Second factor', description: 'One-time codes in addition to the password' },
  { name: 'Invitations', description: 'Letting people register' },
  { name: 'People', description: 'Other people’s accounts, for admins and owners' },
  { name: 'Audit', description: 'Who did what, for owners' },
  { name: 'Unlocks', description: 'Recording and reading unlocks' },
  { name: 'Log', description: 'Proofs that the unlock log was not changed' },
  { name: 'Backups', description: 'Backups that the server creates' },
  { name: 'Settings', description: 'Settings an owner can change while the server runs' },
  { name: 'Tables', description: 'What an owner or admin reads in a browser' },
  { name: 'Health', description: 'For supervisors and monitoring' },
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
      'Set by POST /v1/session/cookie; over TLS its name is __Host-lock-access. Browsers send it with ' +
      'every request from pages of this origin',
  },
} as const

import { Elysia } from 'elysia'
import type { Route } from '../endpoint.ts'
import { namedSchemas } from './schemas.ts'

/** Returns the OpenAPI document of these routes, without `servers`. The plugin writes it from an app that has
 * the routes and does nothing, so that the plugin is loaded only when someone reads the document. The plugin
 * calls it 3.0.3, whatever the schemas are; here they are those of 3.1. */
export const openapiDocument = async (
  routes: readonly Route[],
  version: string,
): Promise<Readonly<Record<string, unknown>>> => {
  const { swagger } = await import('@elysiajs/swagger')
  const { schemaOf, named } = namedSchemas()
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
    const detail = hooks.detail?.['x-document']?.(path, schemaOf)
    if (detail) described.route(method, path, () => {}, { detail })
  }
  const answer = await described.handle(new Request('http://localhost/swagger/json'))
  const document = (await answer.json()) as { readonly info: object; readonly components: object }
  return {
    ...document,
    openapi: '3.1.0',
    // OpenAPI Generator refuses a licence without an identifier.
    info: { ...document.info, license: { name: 'MIT', identifier: 'MIT' } },
    components: { ...document.components, schemas: named() },
  }
}

const DESCRIPTION = `Accounts for a front door, and a log of who unlocked it.

**To try it here:** register a person, log in with \`POST /login\`, press **Authorize** and paste the
\`access_token\`; every request below then sends it. The tables ask for the name and password of an
owner or admin. Create the first owner with the setup code that the server prints when it starts, at
\`POST /v1/setup\`, or on the gateway with \`secure-lock-server user add --role owner NAME\`.

Errors are \`{"msg": "…"}\`; under \`/v1\`, problem details (RFC 9457); over a limit, \`{"error": "…"}\`
with \`Retry-After\`. None repeats what was sent. An error with a page in the manual links to it:
\`Link: </manual/PAGE>; rel="help"\`. \`X-Request-Id\` identifies a request in the log of the server.
An optional field of a body may be null or empty, which means the same as absent; in a \`PATCH\` it
clears the field.
Scripts and devices send an access token with the scope that an endpoint names; elsewhere it gets 403
with the code \`scope_required\`.
With \`SECOND_FACTOR=required\`, endpoints for admins and owners answer 403 with the code
\`second_factor_required\` until the caller sets up a second factor. Pages of other sites get 403
with the code \`foreign_origin\`, and a browser that calls the server by an unknown name gets 421.`

const TAGS = [
  { name: 'Accounts', description: 'Registering, logging in, and your own account' },
  { name: 'Sessions', description: 'Where you are logged in' },
  { name: 'Access tokens', description: 'For scripts and devices' },
  { name: 'Second factor', description: 'One-time codes in addition to the password' },
  { name: 'Invitations', description: 'Letting people register' },
  { name: 'People', description: 'Other people’s accounts, for admins and owners' },
  { name: 'Guests', description: 'People without an account, who open doors with a link' },
  { name: 'Locks', description: 'Opening locks, setting them up, holidays and lockdowns' },
  { name: 'Grants', description: 'Who may open which locks, and when' },
  { name: 'Audit', description: 'Who did what, for owners' },
  { name: 'Controllers', description: 'Devices at locks, which open them and sign what happened' },
  { name: 'Unlocks', description: 'Recording and reading unlocks' },
  { name: 'Log', description: 'Proofs that the unlock log was not changed' },
  { name: 'Targets', description: 'Where the server sends events, such as a webhook' },
  { name: 'Backups', description: 'Backups that the server creates' },
  { name: 'Settings', description: 'Settings an owner can change while the server runs' },
  { name: 'Tables', description: 'Pages for an owner or admin to read in a browser' },
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
  accessToken: {
    type: 'http',
    scheme: 'bearer',
    description:
      'An access token from POST /v1/me/tokens; begins with sls_. It can call the endpoints that name ' +
      'one of its scopes, and public ones',
  },
  controller: {
    type: 'http',
    scheme: 'bearer',
    description: 'The token of a controller, from POST /v1/controller/enrol; begins with slc_',
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
  guest: {
    type: 'apiKey',
    in: 'cookie',
    name: 'lock-guest',
    description: 'Set by POST /v1/guest/bind; over TLS its name is __Host-guest',
  },
} as const

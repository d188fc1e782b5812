import bundlePath from 'swagger-ui-dist/swagger-ui-bundle.js' with { type: 'file' }
import stylePath from 'swagger-ui-dist/swagger-ui.css' with { type: 'file' }
import { BoundedMap } from '../../domain/bounded-map.ts'
import { type Asset, asset } from '../page/assets.ts'
import page from './page.html' with { type: 'text' }
import { type Endpoint, type Route, hiddenEndpoint } from '../endpoint.ts'
import { PAGE_HEADERS } from '../response-headers.ts'
import { openapiDocument } from './document.ts'

/** Starts Swagger UI: with its groups folded, dark if the browser is, with the cursor where the token is pasted, and with requests to
 * the server of the page, because its policy admits no other. */
const START = `const dark = matchMedia('(prefers-color-scheme: dark)')
const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches)
dark.addEventListener('change', follow)
follow()

// Its own resolver reads all of the document again for each operation that is opened, which takes a second. Here
// references lead only into the document, and never in a circle. The name of a schema is taken from $$ref.
const at = (document, path) => path.reduce((node, key) => node[key], document)
const resolved = (document, node) => {
  if (typeof node !== 'object' || node === null) return node
  if (Array.isArray(node)) return node.map((item) => resolved(document, item))
  const { $ref } = node
  if ($ref) return { ...resolved(document, at(document, $ref.split('/').slice(1))), $$ref: $ref }
  const entries = Object.entries(node)
  return Object.fromEntries(entries.map(([key, value]) => [key, resolved(document, value)]))
}
const resolveSubtree = async (document, path) => ({
  spec: resolved(document, at(document, path)),
  errors: [],
})

SwaggerUIBundle({
  url: '/swagger/json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  docExpansion: 'none',
  defaultModelsExpandDepth: -1,
  displayRequestDuration: true,
  plugins: [() => ({ fn: { resolveSubtree } })],
  responseInterceptor: (answer) => {
    if (!new URL(answer.url).pathname.endsWith('/swagger/json') || !answer.ok) return answer
    const { servers, ...document } = JSON.parse(answer.text)
    return Object.assign(answer, { text: JSON.stringify(document) })
  },
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
  readonly hasTls: boolean
  readonly publicUrl: string | undefined
  /** What the document describes. */
  readonly routes: readonly Route[]
}

/** The OpenAPI document at `/swagger/json`, and Swagger UI at `/swagger`, from files inside the
 * executable. */
export const openapiRoutes = (deps: Dependencies): readonly Endpoint[] => [
  hiddenEndpoint(
    '/swagger',
    () => new Response(PAGE.replace('VERSION', deps.version), { headers: PAGE_HEADERS }),
  ),
  hiddenEndpoint('/swagger/json', documents(deps)),
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

/** Returns the handler of the document. As a client keeps it and calls the server it names, that is PUBLIC_URL
 * or where this request was sent. */
const documents = ({ version, hasTls, publicUrl, routes }: Dependencies): Asset => {
  let written: ReturnType<typeof openapiDocument> | undefined
  const documentAt = (url: string): Asset =>
    asset(async () => {
      written ??= openapiDocument(routes, version)
      const { openapi, info, ...rest } = await written
      return JSON.stringify({ openapi, info, servers: [{ url }], ...rest })
    }, 'application/json')
  const byServer = new BoundedMap<string, Asset>(SERVERS_MAX)
  return (incoming) => {
    const url = publicUrl ?? serverOf(incoming.request, hasTls)
    const document = byServer.get(url) ?? documentAt(url)
    byServer.set(url, document)
    return document(incoming)
  }
}

/** A gateway has a few names and addresses. */
const SERVERS_MAX = 4

/** Returns the server a request was sent to, also through a proxy. Only its sender reads the answer, so what it
 * says about itself may be believed. */
const serverOf = (request: Request, hasTls: boolean): string => {
  const host = URL.parse(request.url)?.host
  const isHttps = hasTls || request.headers.get('x-forwarded-proto') === 'https'
  return host === undefined ? '/' : `${isHttps ? 'https' : 'http'}://${host}`
}

// The types say that an imported page is a bundle, but with `type: 'text'` it is a string. Right with
// TypeScript 7.1 (https://github.com/oven-sh/bun/pull/41076).
const PAGE = page as unknown as string

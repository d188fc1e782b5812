import { Type as t } from '@sinclair/typebox'
import { AppError } from '../errors.ts'
import { message } from '../http/answers.ts'
import { type Endpoint, endpoint, hiddenEndpoint } from '../http/endpoint.ts'
import { type Asset, asset } from '../http/page/assets.ts'
import { browserBundle } from '../http/page/browser-bundle.ts' with { type: 'macro' }
import { PAGE_HEADERS } from '../http/response-headers.ts'

const SCRIPT = browserBundle('manual/manual.js', '--production')
const STYLE = browserBundle('manual/manual.css', '--minify')

/** The manual: the same pages as in `src/manual`, from inside the executable. */
export const manualRoutes = (): readonly Endpoint[] => [
  showContents(),
  showPage(),
  hiddenEndpoint(
    '/manual.css',
    asset(() => STYLE, 'text/css'),
  ),
  hiddenEndpoint(
    '/manual.js',
    asset(() => SCRIPT, 'text/javascript'),
  ),
]

const pageAsset = (read: () => string | Promise<string>): Asset =>
  asset(read, 'text/html', PAGE_HEADERS)

const showContents = () =>
  endpoint(
    {
      method: 'GET',
      path: '/manual',
      access: 'public',
      limits: ['pages'],
      tag: 'Pages',
      operationId: 'getManual',
      summary: 'Get the contents of the manual',
      answers: { 200: { description: 'A page', contentType: 'text/html' } },
    },
    pageAsset(async () => (await import('./document.ts')).contentsDocument()),
  )

const Params = t.Object({
  page: t.String({
    description: 'A page, such as `backups`; with `.md`, its Markdown',
    examples: ['getting-started'],
  }),
})

const showPage = () => {
  const assets = new Map<string, Asset>()
  return endpoint(
    {
      method: 'GET',
      path: '/manual/:page',
      access: 'public',
      limits: ['pages'],
      tag: 'Pages',
      operationId: 'getManualPage',
      summary: 'Get a page of the manual',
      params: Params,
      answers: {
        200: [
          { description: 'The page', contentType: 'text/html' },
          { description: 'its Markdown', contentType: 'text/markdown' },
        ],
        404: message('There is no such page; a browser gets that as a page', 'Not found'),
      },
    },
    async ({ params, request }) => {
      const known = assets.get(params.page) ?? (await assetOf(params.page))
      if (!known) {
        if (!request.headers.get('accept')?.includes('text/html'))
          throw new AppError('not_found', 'Not found')
        const { missingPageDocument } = await import('./document.ts')
        return new Response(missingPageDocument(), { status: 404, headers: PAGE_HEADERS })
      }
      assets.set(params.page, known)
      return known({ request })
    },
  )
}

/** A page as HTML or Markdown, or a file that a page links to. */
const assetOf = async (name: string): Promise<Asset | undefined> => {
  const { FILES, PAGES } = await import('./pages.ts')
  const file = Object.hasOwn(FILES, name) ? FILES[name] : undefined
  if (file !== undefined) return asset(() => file, 'text/plain')
  const page = PAGES.get(name)
  if (page) return pageAsset(async () => (await import('./document.ts')).pageDocument(page))
  const source = PAGES.get(name.replace(/\.md$/, ''))
  return source && asset(() => source.markdown, 'text/markdown')
}

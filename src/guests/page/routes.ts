import { type Endpoint, hiddenEndpoint } from '../../http/endpoint.ts'
import { type Asset, asset } from '../../http/page/assets.ts'

/** The page that the link of a pass leads to. It is loaded with the first request for it, and the same for everyone:
 * the code of a pass is after `#` in the link, which a browser does not send to a server. */
export const guestPageRoutes = (): readonly Endpoint[] => {
  let page: Promise<Asset> | undefined
  return [
    hiddenEndpoint('/guest', async (incoming) => {
      page ??= loadPage()
      return (await page)(incoming)
    }),
  ]
}

const loadPage = async (): Promise<Asset> => {
  const { PAGE, POLICY } = await import('./document.ts')
  return asset(() => PAGE, 'text/html', { 'content-security-policy': POLICY })
}

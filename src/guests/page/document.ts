import { browserBundle } from '../../http/page/browser-bundle.ts' with { type: 'macro' }
import template from './browser/guest.html' with { type: 'text' }

// To the type checker an imported page is a bundle; here it is its text.
const TEMPLATE = template as unknown as string

const SCRIPT = browserBundle('guests/page/browser/main.ts', '--production')
const STYLE = browserBundle('guests/page/browser/guest.css', '--minify')

/** The page of a guest: one file that loads nothing else. */
export const PAGE = TEMPLATE.replace('<!-- style -->', () => `<style>${STYLE}</style>`).replace(
  '<!-- script -->',
  () => `<script type="module">${SCRIPT}</script>`,
)

/** Returns the hash by which a content security policy names an inline script or style. */
const sourceHash = (text: string): string =>
  `'sha256-${new Bun.CryptoHasher('sha256').update(text).digest('base64')}'`

/** Lets the page run its own script and style, and talk to this gateway. */
export const POLICY = [
  "default-src 'none'",
  `script-src ${sourceHash(SCRIPT)}`,
  `style-src ${sourceHash(STYLE)}`,
  'img-src data:',
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')

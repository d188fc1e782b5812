import { browserBundle } from '../../http/page/browser-bundle.ts' with { type: 'macro' }
import { encodeBase64, sha256 } from '#crypto'
import template from './page/verify.html' with { type: 'text' }

// To the type checker an imported page is a bundle; here it is its text.
const TEMPLATE = template as unknown as string

// Names are not minified, so that anyone can read the code that vouches for the evidence.
const SCRIPT = browserBundle(
  'unlocks/bundle/page/main.ts',
  '--minify-syntax',
  '--minify-whitespace',
)
const STYLE = browserBundle('unlocks/bundle/page/verify.css', '--minify')

/** Returns the page that verifies a bundle in a browser, offline: one file that loads nothing. It
 * contains the files of a bundle, or asks for them. */
export const verificationPage = (embedded?: Readonly<Record<string, string>>): string => {
  // A "<" could end the data block; JSON can write it as an escape.
  const bundle = JSON.stringify(embedded ?? null).replaceAll('<', String.raw`\u003c`)
  const parts: Readonly<Record<string, string>> = {
    policy: `<meta http-equiv="Content-Security-Policy" content="${POLICY}" />`,
    style: `<style>${STYLE}</style>`,
    bundle: `<script type="application/json" id="bundle">${bundle}</script>`,
    script: `<script type="module">${SCRIPT}</script>`,
  }
  return TEMPLATE.replaceAll(/<!-- (\w+) -->/g, (whole, name: string) => parts[name] ?? whole)
}

/** Returns the hash by which a content security policy names an inline script or style. */
const sourceHash = (text: string): string =>
  `sha256-${encodeBase64(sha256(new TextEncoder().encode(text)))}`

/** Keeps the page and its contents from loading, sending or running anything else. */
const POLICY = [
  "default-src 'none'",
  `script-src '${sourceHash(SCRIPT)}'`,
  `style-src '${sourceHash(STYLE)}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')

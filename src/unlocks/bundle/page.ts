import { browserBundle } from '../../http/page/browser-bundle.ts' with { type: 'macro' }
import pageStyle from '../../http/page/page.css' with { type: 'text' }
import { encodeBase64, sha256 } from '#crypto'
import style from './page/verify.css' with { type: 'text' }
import template from './page/verify.html' with { type: 'text' }

// Types take an imported page for a bundle; it is its text.
const TEMPLATE = template as unknown as string

// Names stay, so that whoever wants to can read what vouches for the evidence.
const SCRIPT = browserBundle(
  'unlocks/bundle/page/main.ts',
  '--minify-syntax',
  '--minify-whitespace',
)
const STYLE = `${pageStyle}\n${style}`

/** The page that verifies a bundle in a browser, offline: one file that loads nothing. It carries
 * the files of a bundle within itself, or asks for them. */
export const verificationPage = (embedded?: Readonly<Record<string, string>>): string => {
  // A "<" in a data block could end it; in JSON it may be spelt otherwise.
  const bundle = JSON.stringify(embedded ?? null).replaceAll('<', String.raw`\u003c`)
  const parts: Readonly<Record<string, string>> = {
    policy: `<meta http-equiv="Content-Security-Policy" content="${POLICY}" />`,
    style: `<style>${STYLE}</style>`,
    bundle: `<script type="application/json" id="bundle">${bundle}</script>`,
    script: `<script type="module">${SCRIPT}</script>`,
  }
  return TEMPLATE.replaceAll(/<!-- (\w+) -->/g, (whole, name: string) => parts[name] ?? whole)
}

/** How a content security policy names an inline script or style. */
const sourceHash = (text: string): string =>
  `sha256-${encodeBase64(sha256(new TextEncoder().encode(text)))}`

/** Neither the page nor what it carries can load, send or run anything else. */
const POLICY = [
  "default-src 'none'",
  `script-src '${sourceHash(SCRIPT)}'`,
  `style-src '${sourceHash(STYLE)}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')

import { render } from 'preact'
import { App } from './app.tsx'

// The claim code comes in the fragment of a link, which no browser sends, and leaves the address.
const code = new URLSearchParams(location.hash.slice(1)).get('claim') ?? ''
if (code) history.replaceState(null, '', location.pathname)

// The router takes no address that is cut in the middle of a sign.
if (!isWhole(location.pathname)) history.replaceState(null, '', '/console')

const root = document.getElementById('app')
if (root) render(<App code={code} />, root)

function isWhole(path: string): boolean {
  try {
    return decodeURIComponent(path) !== ''
  } catch {
    return false
  }
}

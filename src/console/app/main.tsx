import { render } from 'preact'
import { App } from './app.tsx'

// Codes come in the fragment of a link, which no browser sends, and leave the address.
const codes = new URLSearchParams(location.hash.slice(1))
if (codes.has('setup') || codes.has('reset')) history.replaceState(null, '', location.pathname)

// The router takes no address that is cut in the middle of a sign.
if (!isWhole(location.pathname)) history.replaceState(null, '', '/console')

const root = document.getElementById('app')
if (root) render(<App codes={codes} />, root)

function isWhole(path: string): boolean {
  try {
    return decodeURIComponent(path) !== ''
  } catch {
    return false
  }
}

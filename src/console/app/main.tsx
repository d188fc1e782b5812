import { render } from 'preact'
import { App } from './app.tsx'

// Codes come in the fragment of a link, which browsers do not send, and are removed from the address.
const codes = new URLSearchParams(location.hash.slice(1))
if (codes.has('setup') || codes.has('reset')) history.replaceState(null, '', location.pathname)

// The router fails on an address that is cut in the middle of a character.
if (!isDecodable(location.pathname)) history.replaceState(null, '', '/console')

const root = document.getElementById('app')
if (root) {
  root.replaceChildren()
  render(<App codes={codes} />, root)
}

function isDecodable(path: string): boolean {
  try {
    return decodeURIComponent(path) !== ''
  } catch {
    return false
  }
}

import { render } from 'preact'
import { App } from './app.tsx'
import { watchLinkCodes } from './routing/link-codes.ts'

watchLinkCodes()

// The router fails on an address that is cut in the middle of a character.
if (!isDecodable(location.pathname)) history.replaceState(null, '', '/console')

const root = document.getElementById('app')
if (root) {
  root.replaceChildren()
  render(<App />, root)
}

function isDecodable(path: string): boolean {
  try {
    return decodeURIComponent(path) !== ''
  } catch {
    return false
  }
}

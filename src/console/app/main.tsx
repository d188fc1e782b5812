import { render } from 'preact'
import { App } from './app.tsx'

// Codes come in the fragment of a link, which no browser sends, and leave the address.
const codes = new URLSearchParams(location.hash.slice(1))
if (codes.has('claim') || codes.has('reset')) history.replaceState(null, '', location.pathname)

const root = document.getElementById('app')
if (root) render(<App codes={codes} />, root)

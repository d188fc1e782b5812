import { render } from 'preact'
import { App } from './app.tsx'

// The claim code comes in the fragment of a link, which no browser sends, and leaves the address.
const code = new URLSearchParams(location.hash.slice(1)).get('claim') ?? ''
if (code) history.replaceState(null, '', location.pathname)

const root = document.getElementById('app')
if (root) render(<App code={code} />, root)

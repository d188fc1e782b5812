import { browserBundle } from '../http/page/browser-bundle.ts' with { type: 'macro' }

// The scripts and the style of the console, loaded with the first request for one of them.

export const SCRIPT = browserBundle('console/app/main.tsx', '--production')
export const CHART_SCRIPT = browserBundle('console/app/chart.ts', '--production')
export const PROOF_SCRIPT = browserBundle('console/app/proof.ts', '--production')
export const STYLE = browserBundle('console/app/style/app.css', '--minify')

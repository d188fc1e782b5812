import uplotStyle from 'uplot/dist/uPlot.min.css' with { type: 'text' }
import { browserBundle } from '../http/page/browser-bundle.ts' with { type: 'macro' }
import style from './app/style.css' with { type: 'text' }

// The console's scripts and styles, loaded only when a browser asks for them.

export const SCRIPT = browserBundle('console/app/main.tsx', '--production')
export const CHART_SCRIPT = browserBundle('console/app/chart.ts', '--production')
export const PROOF_SCRIPT = browserBundle('console/app/proof.ts', '--production')
export const STYLE = `${style}\n${uplotStyle}`

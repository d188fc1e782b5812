import uplotStyle from 'uplot/dist/uPlot.min.css' with { type: 'text' }
import { browserBundle } from '../http/page/browser-bundle.ts' with { type: 'macro' }
import baseStyle from './app/style/base.css' with { type: 'text' }
import feedbackStyle from './app/style/feedback.css' with { type: 'text' }
import formStyle from './app/style/form.css' with { type: 'text' }
import listStyle from './app/style/list.css' with { type: 'text' }
import logStyle from './app/style/log.css' with { type: 'text' }
import mediaStyle from './app/style/media.css' with { type: 'text' }
import sharedStyle from './app/style/shared.css' with { type: 'text' }
import shellStyle from './app/style/shell.css' with { type: 'text' }
import todayStyle from './app/style/today.css' with { type: 'text' }

// The scripts and styles of the console, loaded with the first request for one of them.

export const SCRIPT = browserBundle('console/app/main.tsx', '--production')
export const CHART_SCRIPT = browserBundle('console/app/chart.ts', '--production')
export const PROOF_SCRIPT = browserBundle('console/app/proof.ts', '--production')

/** From the most general to the most special, and a later rule wins. */
export const STYLE = [
  baseStyle,
  shellStyle,
  formStyle,
  feedbackStyle,
  listStyle,
  sharedStyle,
  todayStyle,
  logStyle,
  mediaStyle,
  uplotStyle,
].join('\n')

import { acceptedUrl } from '../../http/outgoing/target-address.ts'
import type { Fields } from '../contents.ts'

/** The base URL of a server; stored with a trailing `/`. */
export const serverUrl = (example: string): Fields[string] => ({
  words: `the http or https URL of the server without a query, such as ${example}`,
  parse: (value) => {
    const url = new URL(acceptedUrl(value))
    if (url.search !== '') return undefined
    return url.href.endsWith('/') ? url.href : `${url.href}/`
  },
})

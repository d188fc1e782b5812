import { acceptedUrl } from '../../http/outgoing/target-address.ts'
import type { Fields } from '../contents.ts'

/** The address of a service's own server. Stored with a `/` at its end. */
export const serverUrl = (example: string): Fields[string] => ({
  words: `the http or https address of the server alone, such as ${example}`,
  parse: (value) => {
    const url = new URL(acceptedUrl(value))
    if (url.search !== '') return undefined
    return url.href.endsWith('/') ? url.href : `${url.href}/`
  },
})

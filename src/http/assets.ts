import type { BunFile } from 'bun'

/** Gives the handler of a file embedded in the executable. Browsers keep it, and ask each time
 * whether it is still the same: after an upgrade no page meets an old script. */
export const asset = (content: string | BunFile, type: string) => {
  // The name of an embedded file holds a hash of its content.
  const etag = `"${Bun.hash(typeof content === 'string' ? content : (content.name ?? '')).toString(36)}"`
  const headers = {
    'content-type': `${type}; charset=utf-8`,
    'cache-control': 'no-cache',
    etag,
  }
  return ({ request }: { request: Request }): Response =>
    request.headers.get('if-none-match') === etag
      ? new Response(null, { status: 304, headers })
      : new Response(content, { headers })
}

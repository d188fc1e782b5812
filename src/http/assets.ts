/** Answers a file embedded in the executable; browsers may keep it for an hour. */
export const asset = (content: string | Blob, type: string): Response =>
  new Response(content, {
    headers: { 'content-type': `${type}; charset=utf-8`, 'cache-control': 'public, max-age=3600' },
  })

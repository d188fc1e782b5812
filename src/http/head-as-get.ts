import { Elysia } from 'elysia'

/** Answers HEAD like GET; Bun then sends no body. Elysia itself reads the whole body to learn its length,
 * and the body of a stream has no end (not reported upstream as of 2026-11). Anything that needs the
 * original method must come before this. */
export const headAsGet = () =>
  new Elysia({ name: 'head-requests' }).onRequest(({ request }) => {
    if (request.method === 'HEAD') Object.defineProperty(request, 'method', { value: 'GET' })
  })

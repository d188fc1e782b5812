import { Elysia } from 'elysia'

/** Has HEAD answered as GET is, and leaves it to Bun to send no body. Elysia by itself reads the whole
 * body for its length, and that of a stream has no end. What wants to know the method as it was asked
 * comes before this. */
export const headAsGet = () =>
  new Elysia({ name: 'head-requests' }).onRequest(({ request }) => {
    if (request.method === 'HEAD') Object.defineProperty(request, 'method', { value: 'GET' })
  })

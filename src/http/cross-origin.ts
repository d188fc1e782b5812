import { cors } from '@elysiajs/cors'
import { Elysia } from 'elysia'
import type { Endpoint } from './endpoint.ts'

/** Lets pages of exactly these origins call the server, with every header that the endpoints describe. Without
 * any, answers have no CORS headers. */
export const crossOrigin = (origins: readonly string[], endpoints: readonly Endpoint[]) =>
  origins.length === 0
    ? new Elysia()
    : new Elysia().use(
        cors({
          origin: (request) => origins.includes(request.headers.get('origin') ?? ''),
          methods: ['GET', 'POST', 'PATCH', 'DELETE'],
          allowedHeaders: ['Authorization', 'Content-Type', ...headersOf(endpoints)],
          exposeHeaders: ['Link', 'Retry-After', 'X-Request-Id'],
          credentials: false,
        }),
      )

const headersOf = (endpoints: readonly Endpoint[]): readonly string[] => [
  ...new Set(
    endpoints.flatMap(({ description }) => Object.keys(description?.headers?.properties ?? {})),
  ),
]

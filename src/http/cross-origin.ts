import { cors } from '@elysiajs/cors'
import { Elysia } from 'elysia'

/** Lets pages of exactly these origins call the server. Without any, answers have no CORS headers. */
export const crossOrigin = (origins: readonly string[]) =>
  origins.length === 0
    ? new Elysia()
    : new Elysia().use(
        cors({
          origin: (request) => origins.includes(request.headers.get('origin') ?? ''),
          methods: ['GET', 'POST', 'PATCH', 'DELETE'],
          allowedHeaders: ['Authorization', 'Content-Type', 'Last-Event-ID'],
          exposeHeaders: ['Link', 'Retry-After', 'X-Request-Id'],
          credentials: false,
        }),
      )

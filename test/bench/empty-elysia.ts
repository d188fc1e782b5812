import { Elysia } from 'elysia'

/** The least that an app on this framework is: the yardstick of starts and of memory. */
const app = new Elysia()
  .get('/livez', () => ({ status: 'ok' }))
  .listen({ hostname: '127.0.0.1', port: Number(process.argv[2]) })

process.stdout.write(`${app.server?.url.href}\n`)

import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type Service, startService } from '../support/binary.ts'
import cases from './cases.json'

describe('the wire contract, replayed against the compiled file on a fresh data folder', () => {
  let service: Service
  let token = ''

  beforeAll(async () => {
    service = await startService()
  })

  afterAll(async () => {
    await service.stop()
  })

  for (const { name, request, response } of cases) {
    test(name, async () => {
      const headers = Object.fromEntries(
        Object.entries(request.headers).map(([key, value]) => [key, value.replace('<jwt>', token)]),
      )
      const body = typeof request.body === 'string' ? request.body : JSON.stringify(request.body)
      const answer = await fetch(service.url + request.path, {
        method: request.method,
        headers,
        // As bytes, since fetch gives text a content type of its own.
        body: new TextEncoder().encode(body),
      })
      const json = (await answer.json()) as Record<string, unknown>
      expect(answer.status).toBe(response.status)
      if (!('access_token' in response.body)) return expect(json).toStrictEqual(response.body)
      token = String(json['access_token'])
      expect(token).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/)
    })
  }
})

import { expect, test } from 'bun:test'
import { startApp } from '../support/app.ts'

test('anyone can download the private CA, and the answer says if there is none', async () => {
  await using without = await startApp()
  const none = await without.get('/ca.pem')
  expect([none.status, await none.json()]).toStrictEqual([
    404,
    { msg: 'This gateway has no CA of its own' },
  ])
  await using having = await startApp(
    {},
    {
      certificate: () => ({
        names: [],
        notBeforeMs: 0,
        notAfterMs: 0,
        sha256: '',
        authority: { pem: 'a certificate\n', sha256: '' },
      }),
    },
  )
  const found = await having.get('/ca.pem')
  expect(found.headers.get('content-type')).toBe('application/x-x509-ca-cert')
  expect(await found.text()).toBe('a certificate\n')
})

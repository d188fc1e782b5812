/** What the README does with `curl`, written with the generated clients, as in a program of the reader. Each
 * takes the address of the server and prints a line for each step. */

export const PYTHON = `import sys
import openapi_client as lock

def client(**credentials):
    return lock.ApiClient(lock.Configuration(host=sys.argv[1], **credentials))

accounts = lock.AccountsApi(client())
account = lock.Registration(username='ada', password='correct horse battery',
                            phone='01234567890', address='1 Lock Lane')
print(accounts.register(account).msg)
credentials = lock.Credentials(username='ada', password='correct horse battery')
tokens = accounts.log_in(credentials)
print(tokens.token_type, tokens.expires_in)

unlocks = lock.UnlocksApi(client(access_token=tokens.access_token))
print(unlocks.log_unlocking(lock.AppUnlock(unlocking_method='fingerprint')).msg)
event = lock.UnlockReport(method='pin', occurred_at='2026-11-22T18:30:00Z')
outcome = unlocks.record_unlocks(lock.UnlockSubmission(event)).actual_instance
print(outcome.status, outcome.seq)
outcomes = unlocks.record_unlocks(lock.UnlockSubmission([event, event])).actual_instance.outcomes
print(*[each.status for each in outcomes])
page = unlocks.list_unlocks(limit=2)
print(*[f'{each.seq}:{each.method}:{each.result}' for each in page.unlocks], page.next is not None)
print(unlocks.get_unlock_statistics(zone='Europe/Berlin').total)
print(lock.AccountsApi(unlocks.api_client).get_me().invitation)

tables = lock.TablesApi(client(username='owner', password='four brown doors'))
print(*[row.unlocking_method for row in tables.get_logs().values()])
print(*[row.username for row in tables.get_users().values()])

try:
    lock.UnlocksApi(client()).get_unlock(id=page.unlocks[0].id)
except lock.ApiException as refusal:
    print(refusal.status, refusal.data.code)
`

export const TYPESCRIPT = `import {
  AccountsApi,
  Configuration,
  ProblemFromJSON,
  ResponseError,
  TablesApi,
  UnlocksApi,
} from './typescript-fetch/index.ts'

declare const process: { argv: string[] }
const basePath = process.argv[2] ?? ''

const accounts = new AccountsApi(new Configuration({ basePath }))
const credentials = { username: 'ada', password: 'correct horse battery' }
const registration = { ...credentials, phone: '01234567890', address: '1 Lock Lane' }
console.log((await accounts.register({ registration })).msg)
const tokens = await accounts.logIn({ credentials })
console.log(tokens.tokenType, tokens.expiresIn)

const authorized = new Configuration({ basePath, accessToken: tokens.accessToken })
const unlocks = new UnlocksApi(authorized)
const appUnlock = { unlockingMethod: 'fingerprint' }
console.log((await unlocks.logUnlocking({ appUnlock })).msg)
const event = { method: 'pin', occurredAt: '2026-11-22T18:30:00Z' }
for (const _ of [1, 2, 3]) {
  const outcome = await unlocks.recordUnlocks({ unlockSubmission: event })
  if ('status' in outcome) console.log(outcome.status, outcome.seq)
}
const page = await unlocks.listUnlocks({ limit: 2 })
console.log(
  ...page.unlocks.map(({ seq, method, result }) => [seq, method, result].join(':')),
  page.next !== null,
)
console.log((await unlocks.getUnlockStatistics({ zone: 'Europe/Berlin' })).total)
console.log((await new AccountsApi(authorized).getMe()).invitation)

const asOwner = { basePath, username: 'owner', password: 'four brown doors' }
const tables = new TablesApi(new Configuration(asOwner))
console.log(...Object.values(await tables.getLogs()).map((row) => row.unlockingMethod))
console.log(...Object.values(await tables.getUsers()).map((row) => row.username))

try {
  await new UnlocksApi(new Configuration({ basePath })).getUnlock({ id: page.unlocks[0]?.id ?? '' })
} catch (error) {
  if (!(error instanceof ResponseError)) throw error
  const { status, code } = ProblemFromJSON(await error.response.json())
  console.log(status, code)
}
`

/** With the types of openapi-typescript alone. */
export const TYPES = `import type { components, operations } from './lock.d.ts'

export type Unlock = components['schemas']['Unlock']
export type Page = operations['listUnlocks']['responses'][200]['content']['application/json']
export const methodsOf = ({ unlocks }: Page): (string | null)[] =>
  unlocks.map(({ method }: Unlock) => method)
export const problem: components['schemas']['Problem'] = {
  type: 'about:blank',
  title: 'Not Found',
  status: 404,
  detail: 'No such unlock',
  code: 'not_found',
}
`

import type { Role } from '../../src/domain/account.ts'
import { type TestApp, bearer } from './app.ts'

/** Adds accounts by name and role, and logs them in. Returns the token and the public id of a name. */
export const household = async (app: TestApp, roles: Readonly<Record<string, Role>>) => {
  const people: Record<string, { token: string; id: string }> = {}
  for (const [name, role] of Object.entries(roles)) {
    const token = await app.signIn(name, role)
    const { id } = (await (await app.get('/v1/me', bearer(token))).json()) as { id: string }
    people[name] = { token, id }
  }
  return (name: string) => people[name] ?? { token: '', id: '' }
}

/** `done`, or the status and the code of a refusal. */
export const outcomeOf = async (answer: Response): Promise<string> => {
  const { code } = (await answer.json()) as { code?: string }
  return answer.ok ? 'done' : `${answer.status} ${code}`
}

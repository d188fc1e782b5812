import { expect } from 'bun:test'
import type { Role } from '../../src/domain/account.ts'
import { PASSWORD, clientOf } from './app.ts'
import { runCommand } from './binary.ts'

type Added = Parameters<typeof runCommand>[1] & { readonly role?: Role }

/** Adds an account on the command line, as anyone with access to the gateway can. */
export const addAccount = async (
  username: string,
  { role = 'member', ...options }: Added,
): Promise<void> => {
  const args = ['user', 'add', '--role', role, username]
  const { status } = await runCommand(args, { ...options, input: `${PASSWORD}\n` })
  expect(status).toBe(0)
}

/** Logs in as an app does, and returns the access token. */
export const tokenFor = async (url: string, username: string): Promise<string> => {
  const answer = await clientOf(url).post('/login', { username, password: PASSWORD })
  expect(answer.status).toBe(200)
  return ((await answer.json()) as { access_token: string }).access_token
}

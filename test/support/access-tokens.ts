import { PASSWORD, type clientOf } from './app.ts'

type Made = { readonly id: string; readonly token: string; readonly expires_at: string | null }

/** Makes an access token as a logged-in person does. */
export const makeToken = async (
  { post }: Pick<ReturnType<typeof clientOf>, 'post'>,
  headers: Record<string, string>,
  scopes: readonly string[],
  more: object = {},
): Promise<Made> => {
  const body = { name: 'Script', scopes, password: PASSWORD, ...more }
  const answer = await post('/v1/me/tokens', body, headers)
  if (answer.status !== 200) throw new Error(`no token: ${answer.status} ${await answer.text()}`)
  return (await answer.json()) as Made
}

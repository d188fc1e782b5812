import { PASSWORD, bearer, startApp } from './app.ts'
import { household } from './household.ts'
import { until } from './until.ts'
import { testController } from './controller.ts'

type Given = Parameters<typeof startApp>

type Attempt = {
  readonly decision: string
  readonly delivery: string
  readonly lock_says: string | null
  readonly result: string | null
}

type Asking = { readonly by?: string; readonly label?: string; id?: string | undefined }

/** A home with a front door that every member may open, whose owner is Oli, admin Amy and member Eva. */
export const controlledHome = async (env: Given[0] = {}, given: Given[1] = {}) => {
  const app = await startApp(env, given)
  const person = await household(app, { oli: 'owner', amy: 'admin', eva: 'member' })
  const as = (name: string) => bearer(person(name).token)
  const lock = { label: 'front-door', name: 'Front door', open_to: 'members' }
  await app.post('/v1/locks', lock, as('oli'))

  const makeCode = async (label = 'front-door'): Promise<string> => {
    const body = { password: PASSWORD }
    const answer = await app.post(`/v1/locks/${label}/controllers`, body, as('oli'))
    return ((await answer.json()) as { code: string }).code
  }

  return {
    ...app,
    as,
    person,
    makeCode,
    /** Enrols a controller at a lock. */
    enrolled: async (label = 'front-door') => {
      const controller = await testController(app.url)
      const status = await controller.enrol(await makeCode(label))
      if (status !== 200) throw new Error(`not enrolled: ${status}`)
      return controller
    },
    /** Eva, or somebody else, asks to open the front door. */
    ask: async ({ by = 'eva', id, label = 'front-door' }: Asking = {}) => {
      id ??= crypto.randomUUID()
      const answer = await app.post(`/v1/locks/${label}/unlock`, { id }, as(by))
      return { id, ...((await answer.json()) as Attempt) }
    },
    /** Waits until that many controllers poll. */
    online: (count = 1) =>
      until(
        () =>
          app.controllers.watch.all().filter(({ id }) => app.controllers.isPolling(id)).length >=
          count,
      ),
    attempt: async (id: string, by = 'eva', label = 'front-door') => {
      const answer = await app.get(`/v1/locks/${label}/attempts/${id}`, as(by))
      return (await answer.json()) as Attempt
    },
    controllers: async () => {
      const answer = await app.get('/v1/controllers', as('amy'))
      return ((await answer.json()) as { controllers: Record<string, unknown>[] }).controllers
    },
    /** The newest leaf with a result of the lock itself. */
    newestEvent: async () => {
      const answer = await app.get('/v1/unlocks?limit=1', as('oli'))
      return ((await answer.json()) as { unlocks: Record<string, unknown>[] }).unlocks[0]
    },
    /** The kinds of the records about controllers and door keys, in order. */
    records: async () =>
      (
        await app.db.all<{ kind: string }>(
          `SELECT kind FROM log_record
           WHERE kind LIKE 'device.%' OR kind LIKE 'gap.%' OR kind LIKE 'door_key.%'
           ORDER BY seq`,
        )
      ).map(({ kind }) => kind),
    [Symbol.asyncDispose]: app[Symbol.asyncDispose],
  }
}

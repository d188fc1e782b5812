import type { ComponentType } from 'preact'
import { useEffect } from 'preact/hooks'
import { LocationProvider, Route, Router, useLocation } from 'preact-iso/router'
import type { Role } from '../../domain/account.ts'
import { Screen } from './components/screen.tsx'
import { Doorstep, Shell } from './components/shell.tsx'
import { ErrorState, Loading } from './components/states.tsx'
import { useLoad } from './load.ts'
import { isAtLeast } from './nav.ts'
import { FirstRun } from './pages/first-run.tsx'
import { InvitationsPage } from './pages/invitations.tsx'
import { LogPage } from './pages/log.tsx'
import { AuditPage } from './pages/audit.tsx'
import { MyselfPage } from './pages/myself.tsx'
import { NewPassword } from './pages/new-password.tsx'
import { PeoplePage } from './pages/people.tsx'
import { SecurityPage } from './pages/security.tsx'
import { SignIn } from './pages/sign-in.tsx'
import { TodayPage } from './pages/today.tsx'
import { api } from './api.ts'
import { begin, isHeldBack, isStarting, me, role } from './session.ts'

const FIRST_RUN = '/console/first-run'
const NEW_PASSWORD = '/console/new-password'

/** The console: the doorstep for whoever is not signed in, and its pages for whoever is. */
export const App = ({ codes }: Codes) => (
  <LocationProvider scope="/console">
    <Inside codes={codes} />
  </LocationProvider>
)

type Codes = {
  /** What came in the fragment of the address. */
  readonly codes: URLSearchParams
}

const Inside = ({ codes }: Codes) => {
  const start = useLoad('start', begin)
  const { path } = useLocation()
  if (isStarting.value)
    return (
      <Doorstep>
        {start.error ? (
          <ErrorState error={start.error} onRetry={start.reload} />
        ) : (
          <Loading what="the console" />
        )}
      </Doorstep>
    )
  if (path === FIRST_RUN)
    return (
      <Doorstep>
        <FirstRun code={codes.get('setup') ?? ''} />
      </Doorstep>
    )
  if (path === NEW_PASSWORD)
    return (
      <Doorstep>
        <NewPassword code={codes.get('reset') ?? ''} name={codes.get('name') ?? ''} />
      </Doorstep>
    )
  return me.value ? <Pages /> : <Outside />
}

/** Signs in, or makes the first owner where there is none. */
const Outside = () => {
  const { route } = useLocation()
  const { data } = useLoad('setup', (signal) =>
    api.get<{ readonly needed: boolean }>('/v1/setup', { signal }),
  )
  useEffect(() => {
    if (data?.needed) route(FIRST_RUN, true)
  }, [data?.needed])
  return (
    <Doorstep>
      <SignIn />
    </Doorstep>
  )
}

/** Every page of the console; each stands in a file of its own under `pages/`. Whose role waits for a
 * second factor is led to where it is set up. */
const Pages = () => {
  const { path, route } = useLocation()
  const isLed = isHeldBack.value && path === '/console'
  useEffect(() => {
    if (isLed) route('/console/myself', true)
  }, [isLed])
  return (
    <Shell>
      <Router>
        <Route path="/console" component={Home} />
        <Route path="/console/log/:id?" component={LogPage} />
        <Route path="/console/people/:id?" component={People} />
        <Route path="/console/invitations" component={Invitations} />
        <Route path="/console/security" component={Security} />
        <Route path="/console/security/audit" component={Audit} />
        <Route path="/console/myself" component={MyselfPage} />
        <Route default component={NoSuchPage} />
      </Router>
    </Shell>
  )
}

const NoSuchPage = () => (
  <Screen title="No such page" lead={<a href="/console">Go to the first page</a>} />
)

/** A page that a lower role is not shown, whatever address it types; the API would refuse it too. */
const atLeast = (needed: Role, Page: ComponentType) => () =>
  isAtLeast(role.value, needed) ? <Page /> : <NoSuchPage />

const People = atLeast('admin', PeoplePage)
const Invitations = atLeast('admin', InvitationsPage)
const Security = atLeast('admin', SecurityPage)
const Audit = atLeast('owner', AuditPage)

/** A member begins with their own openings. */
const Home = () => (role.value === 'member' ? <LogPage /> : <TodayPage />)

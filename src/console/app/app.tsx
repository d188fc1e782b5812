import type { ComponentType } from 'preact'
import { useEffect } from 'preact/hooks'
import { LocationProvider, Route, Router, useLocation } from 'preact-iso/router'
import { Screen } from './components/screen.tsx'
import { Doorstep, Shell } from './components/shell.tsx'
import { ErrorState, Loading } from './components/states.tsx'
import { useLoad } from './load.ts'
import { isAtLeast } from './nav.ts'
import { FirstRun } from './pages/first-run.tsx'
import { InvitationsPage } from './pages/invitations.tsx'
import { LogPage } from './pages/log.tsx'
import { MyselfPage } from './pages/myself.tsx'
import { PeoplePage } from './pages/people.tsx'
import { SecurityPage } from './pages/security.tsx'
import { SignIn } from './pages/sign-in.tsx'
import { TodayPage } from './pages/today.tsx'
import { api } from './api.ts'
import { begin, isStarting, me, role } from './session.ts'

const FIRST_RUN = '/console/first-run'

/** The console: the doorstep for whoever is not signed in, and its pages for whoever is. */
export const App = ({ code }: { readonly code: string }) => (
  <LocationProvider scope="/console">
    <Inside code={code} />
  </LocationProvider>
)

const Inside = ({ code }: { readonly code: string }) => {
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
        <FirstRun code={code} />
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

/** Every page of the console; each stands in a file of its own under `pages/`. A member begins with
 * their own openings. */
const Pages = () => (
  <Shell>
    <Router>
      <Route path="/console" component={role.value === 'member' ? LogPage : TodayPage} />
      <Route path="/console/log/:id?" component={LogPage} />
      <Route path="/console/people" component={People} />
      <Route path="/console/invitations" component={Invitations} />
      <Route path="/console/security" component={Security} />
      <Route path="/console/myself" component={MyselfPage} />
      <Route default component={NoSuchPage} />
    </Router>
  </Shell>
)

const NoSuchPage = () => (
  <Screen title="No such page" lead={<a href="/console">Go to the first page</a>} />
)

/** A page that a lower role is not shown, whatever address it types; the API would refuse it too. */
const forAdmins = (Page: ComponentType) => () =>
  isAtLeast(role.value, 'admin') ? <Page /> : <NoSuchPage />

const People = forAdmins(PeoplePage)
const Invitations = forAdmins(InvitationsPage)
const Security = forAdmins(SecurityPage)

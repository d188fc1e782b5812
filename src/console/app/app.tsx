import type { ComponentType } from 'preact'
import { useEffect } from 'preact/hooks'
import { LocationProvider, Route, Router, useLocation } from 'preact-iso/router'
import type { Role } from '../../domain/account.ts'
import { Screen } from './components/layout/screen.tsx'
import { CenteredLayout, Shell } from './components/layout/shell.tsx'
import { ErrorBoundary } from './components/feedback/error-boundary.tsx'
import { ErrorState, Loading } from './components/feedback/states.tsx'
import { useLoad } from './api/load.ts'
import { logAddress } from './routing/log-filter.ts'
import { isAtLeast } from './routing/sections.ts'
import { FirstRun } from './pages/logged-out/first-run.tsx'
import { InvitationsPage } from './pages/invitations/invitations-page.tsx'
import { LogPage } from './pages/log/log-page.tsx'
import { AuditPage } from './pages/security/audit-page.tsx'
import { MyselfPage } from './pages/myself/myself-page.tsx'
import { NewPassword } from './pages/logged-out/new-password.tsx'
import { PeoplePage } from './pages/people/people-page.tsx'
import { SecurityPage } from './pages/security/security-page.tsx'
import { LogIn } from './pages/logged-out/log-in.tsx'
import { TodayPage } from './pages/today/today-page.tsx'
import { api } from './api/client.ts'
import { isStarting, me, needsSecondFactor, resumeSession, role } from './api/session.ts'

const FIRST_RUN = '/console/first-run'
const NEW_PASSWORD = '/console/new-password'

/** The console: the login page, or all other pages once somebody is logged in. */
export const App = ({ codes }: Codes) => (
  <LocationProvider scope="/console">
    <ErrorBoundary>
      <Start codes={codes} />
    </ErrorBoundary>
  </LocationProvider>
)

type Codes = {
  /** The codes from the fragment of the address. */
  readonly codes: URLSearchParams
}

const Start = ({ codes }: Codes) => {
  const start = useLoad('start', resumeSession)
  const { path } = useLocation()
  if (isStarting.value)
    return (
      <CenteredLayout>
        {start.error ? (
          <ErrorState error={start.error} onRetry={start.reload} />
        ) : (
          <Loading what="the console" />
        )}
      </CenteredLayout>
    )
  if (path === FIRST_RUN)
    return (
      <CenteredLayout>
        <FirstRun code={codes.get('setup') ?? ''} />
      </CenteredLayout>
    )
  if (path === NEW_PASSWORD)
    return (
      <CenteredLayout>
        <NewPassword code={codes.get('reset') ?? ''} name={codes.get('name') ?? ''} />
      </CenteredLayout>
    )
  return me.value ? <Pages /> : <LoggedOut />
}

/** The login page, or the first run if there is no owner yet. */
const LoggedOut = () => {
  const { route } = useLocation()
  const { data } = useLoad('setup', (signal) =>
    api.get<{ readonly needed: boolean }>('/v1/setup', { signal }),
  )
  useEffect(() => {
    if (data?.needed) route(FIRST_RUN, true)
  }, [data?.needed])
  return (
    <CenteredLayout>
      <LogIn />
    </CenteredLayout>
  )
}

/** Every page of the console. An account whose role needs a second factor first starts at its setup, and
 * a member at their own unlocks. */
const Pages = () => {
  const { path, route } = useLocation()
  const start = startOf(role.value, needsSecondFactor.value)
  const isRedirected = path === '/console' && start !== path
  useEffect(() => {
    if (isRedirected) route(start, true)
  }, [isRedirected, start])
  return (
    <Shell>
      <ErrorBoundary>
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
      </ErrorBoundary>
    </Shell>
  )
}

const NoSuchPage = () => (
  <Screen title="Page not found" lead={<a href="/console">Go to the start page</a>} />
)

/** Hides a page from lower roles, whatever address they type. The API would refuse them as well. */
const atLeast = (needed: Role, Page: ComponentType) => () =>
  isAtLeast(role.value, needed) ? <Page /> : <NoSuchPage />

const People = atLeast('admin', PeoplePage)
const Invitations = atLeast('admin', InvitationsPage)
const Security = atLeast('admin', SecurityPage)
const Audit = atLeast('owner', AuditPage)

/** Nothing for a member, who is redirected. */
const Home = () => isAtLeast(role.value, 'admin') && <TodayPage />

/** The address of the page that a role begins with. */
const startOf = (held: Role, isFactorNeeded: boolean): string => {
  if (isFactorNeeded) return '/console/myself'
  return held === 'member' ? logAddress({}) : '/console'
}

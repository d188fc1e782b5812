import type { ComponentType } from 'preact'
import { useEffect } from 'preact/hooks'
import { LocationProvider, Route, Router, useLocation } from 'preact-iso/router'
import type { Role } from '../../domain/account.ts'
import { Screen } from './components/layout/screen.tsx'
import { CenteredLayout, Shell } from './components/layout/shell.tsx'
import { ErrorBoundary } from './components/feedback/error-boundary.tsx'
import { ErrorState, Loading } from './components/feedback/states.tsx'
import { useLoad } from './api/load.ts'
import { mayHaveGuests } from './api/guests.ts'
import { DOORS } from './routing/doors.ts'
import { isAtLeast } from './routing/sections.ts'
import { FIRST_RUN, FirstRunPage } from './pages/first-run/first-run-page.tsx'
import { InvitationsPage } from './pages/invitations/invitations-page.tsx'
import { InviteManyPage } from './pages/invitations/invite-many-page.tsx'
import { LogPage } from './pages/log/log-page.tsx'
import { AuditPage } from './pages/security/audit-page.tsx'
import { MyselfPage } from './pages/myself/myself-page.tsx'
import { NewPassword } from './pages/logged-out/new-password.tsx'
import { AccessPage } from './pages/access/access-page.tsx'
import { GrantPage } from './pages/access/grant-page.tsx'
import { NewGrantPage } from './pages/access/new-grant-page.tsx'
import { DoorPage } from './pages/doors/door-page.tsx'
import { DoorsPage } from './pages/doors/doors-page.tsx'
import { WhyPage } from './pages/doors/why-page.tsx'
import { ConnectionsPage } from './pages/connections/connections-page.tsx'
import { NewTargetPage } from './pages/connections/new-target-page.tsx'
import { TargetPage } from './pages/connections/target-page.tsx'
import { GuestPage } from './pages/guests/guest-page.tsx'
import { GuestsPage } from './pages/guests/guests-page.tsx'
import { NewGuestPage } from './pages/guests/new-guest-page.tsx'
import { HolidaysPage } from './pages/holidays/holidays-page.tsx'
import { PeoplePage } from './pages/people/people-page.tsx'
import { SecurityPage } from './pages/security/security-page.tsx'
import { Join } from './pages/logged-out/join.tsx'
import { LogIn } from './pages/logged-out/log-in.tsx'
import { TodayPage } from './pages/today/today-page.tsx'
import { linkCodes } from './routing/link-codes.ts'
import {
  isOwnerNeeded,
  isStarting,
  me,
  needsSecondFactor,
  resumeSession,
  role,
  settings,
} from './api/session.ts'

const NEW_PASSWORD = '/console/new-password'
const JOIN = '/join'

/** The console: the pages for somebody who is logged in, and those that lead there. */
export const App = () => (
  <LocationProvider scope="/console">
    <ErrorBoundary>
      <Start />
    </ErrorBoundary>
  </LocationProvider>
)

const Start = () => {
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
  const entrance = entranceAt(path)
  return entrance ? <CenteredLayout>{entrance}</CenteredLayout> : <Pages />
}

/** The page for somebody who is not logged in, or who follows a link with a code; undefined for any other.
 * As long as there is no owner, every address leads to the first run. */
const entranceAt = (path: string) => {
  const { setup, invitation, reset, name } = linkCodes.value
  if (path === NEW_PASSWORD) return <NewPassword key={reset} code={reset} name={name} />
  const isSettingUp = path === FIRST_RUN || (path === JOIN && setup !== '')
  const isFirst = isOwnerNeeded.value && invitation === '' && (isSettingUp || !me.value)
  if (isFirst || (isSettingUp && me.value)) return <FirstRunPage key={setup} code={setup} />
  if (path === JOIN && setup === '') return <Join key={invitation} invitation={invitation} />
  return me.value ? undefined : <LogIn notice={isSettingUp ? HAS_OWNER : undefined} />
}

const HAS_OWNER = 'This gateway already has an owner. Log in to continue.'

/** Every page of the console. */
const Pages = () => {
  const { path, route } = useLocation()
  const start = startOf(role.value)
  const isRedirected = path === '/console' && start !== path
  useEffect(() => {
    if (isRedirected) route(start, true)
  }, [isRedirected, start])
  return (
    <Shell>
      <ErrorBoundary>
        <Router>
          <Route path="/console" component={Home} />
          <Route path="/console/doors" component={DoorsPage} />
          <Route path="/console/doors/:label" component={DoorPage} />
          <Route path="/console/doors/:label/why" component={WhyPage} />
          <Route path="/console/access" component={Access} />
          <Route path="/console/access/new" component={NewGrant} />
          <Route path="/console/access/:id" component={OneGrant} />
          <Route path="/console/guests" component={Guests} />
          <Route path="/console/guests/new" component={NewGuest} />
          <Route path="/console/guests/:id" component={OneGuest} />
          <Route path="/console/holidays" component={Holidays} />
          <Route path="/console/log/:id?" component={LogPage} />
          <Route path="/console/people/:id?" component={People} />
          <Route path="/console/invitations" component={Invitations} />
          <Route path="/console/invitations/many" component={InviteMany} />
          <Route path="/console/connections" component={Connections} />
          <Route path="/console/connections/new" component={NewConnection} />
          <Route path="/console/connections/:id" component={OneConnection} />
          <Route path="/console/security" component={Security} />
          <Route path="/console/security/audit" component={Audit} />
          <Route path="/console/myself" component={MyselfPage} />
          <Route path="/console/myself/connections/new" component={NewOwnConnection} />
          <Route path="/console/myself/connections/:id" component={TargetPage} />
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

const forHosts = (Page: ComponentType) => () => (mayHaveGuests() ? <Page /> : <NoSuchPage />)

const Guests = forHosts(GuestsPage)
const NewGuest = forHosts(NewGuestPage)
const OneGuest = forHosts(GuestPage)

const Access = atLeast('admin', AccessPage)
const NewGrant = atLeast('admin', NewGrantPage)
const OneGrant = atLeast('admin', GrantPage)
const Holidays = atLeast('admin', HolidaysPage)
const People = atLeast('admin', PeoplePage)
const Invitations = atLeast('admin', InvitationsPage)
const InviteMany = atLeast('admin', InviteManyPage)
const Security = atLeast('admin', SecurityPage)
const Audit = atLeast('owner', AuditPage)

const Connections = atLeast('owner', ConnectionsPage)
const NewConnection = atLeast('owner', () => <NewTargetPage isPersonal={false} />)
const OneConnection = atLeast('owner', TargetPage)
const NewOwnConnection = () => <NewTargetPage isPersonal />

/** Nothing for a member, who is redirected. */
const Home = () => isAtLeast(role.value, 'admin') && <TodayPage />

/** The address of the page that a role begins with: the setup of a second factor that it needs, the first
 * run that an owner has left, and for a member the doors. */
const startOf = (held: Role): string => {
  if (needsSecondFactor.value) return '/console/myself'
  if ((settings.value?.first_run ?? 'done') !== 'done') return FIRST_RUN
  return held === 'member' ? DOORS : '/console'
}

import type { ComponentChildren } from 'preact'
import { useLocation } from 'preact-iso/router'
import { loadDoors } from '../../api/doors.ts'
import { mayHaveGuests } from '../../api/guests.ts'
import { useLoad } from '../../api/load.ts'
import { logOut, me, needsSecondFactor, role } from '../../api/session.ts'
import { type AppSection, sectionsFor } from '../../routing/sections.ts'
import { endsSoon, lastDayText } from '../../time/last-day.ts'
import { errorMessage } from '../../words/error.ts'
import { ConnectionBanner } from '../feedback/connection-banner.tsx'
import { Note } from '../feedback/states.tsx'
import { Toasts, showToast } from '../feedback/toast.tsx'
import { Button } from '../form/button.tsx'

/** The frame around every page of somebody who is logged in. The sections that their role sees are at
 * the bottom of a phone and at the side of a wide screen. */
export const Shell = ({ children }: { readonly children: ComponentChildren }) => (
  <div class="shell">
    <DoorNames />
    <a class="skip" href="#main">
      Skip to content
    </a>
    <header class="bar">
      <a class="brand" href="/console">
        Secure Lock
      </a>
      <p class="who">
        <span>{me.value?.username}</span>
        <Button kind="quiet" onClick={() => void leave()}>
          Log out
        </Button>
      </p>
    </header>
    <nav class="sections" aria-label="Console">
      <ul>
        {sectionsFor(role.value, mayHaveGuests()).map((section) => (
          <li key={section.path}>
            <SectionLink {...section} />
          </li>
        ))}
      </ul>
    </nav>
    <main id="main" tabIndex={-1}>
      <ConnectionBanner />
      {needsSecondFactor.value && (
        <Note kind="warning">
          Your role needs a second factor. <a href="/console/myself">Set one up under Myself</a>.
          Until then, you only have the rights of a member.{' '}
          <a href="/manual/second-factor">More in the manual</a>.
        </Note>
      )}
      {me.value?.admitted === false && (
        <Note>
          You can log in and record unlocks, but no door opens for you until an owner or admin lets
          you in.
        </Note>
      )}
      <OwnEnd />
      {children}
      <Foot />
    </main>
    <Toasts />
  </div>
)

/** Any page may name a door. */
const DoorNames = () => {
  useLoad('door names', loadDoors)
  return null
}

/** Warns people whose access ends soon. */
const OwnEnd = () => {
  const endsAt = me.value?.ends_at ?? null
  return endsAt !== null && endsSoon(endsAt) ? (
    <Note>Your access ends on {lastDayText(endsAt)}. Ask an owner if you need it for longer.</Note>
  ) : null
}

/** The manual is a separate page, outside the console. */
const Foot = () => (
  <footer class="foot">
    <a href="/manual">Manual</a>
  </footer>
)

const leave = (): Promise<void> =>
  logOut().catch((error: unknown) => showToast(errorMessage(error)))

const SectionLink = ({ path, others = [], label, icon }: AppSection) => {
  const { path: here } = useLocation()
  const isHere =
    path === '/console'
      ? here === path
      : [path, ...others].some((beginning) => here.startsWith(beginning))
  return (
    <a href={path} aria-current={isHere ? 'page' : undefined}>
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path d={icon} />
      </svg>
      {label}
    </a>
  )
}

/** The frame around a page for somebody who is not logged in: one column. */
export const CenteredLayout = ({ children }: { readonly children: ComponentChildren }) => (
  <div class="centered">
    <main id="main">
      <ConnectionBanner />
      {children}
      <Foot />
    </main>
    <Toasts />
  </div>
)

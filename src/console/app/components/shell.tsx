import type { ComponentChildren } from 'preact'
import { useLocation } from 'preact-iso/router'
import { type Place, placesOf } from '../nav.ts'
import { isHeldBack, me, role, signOut } from '../session.ts'
import { wordsOf } from '../words.ts'
import { Button } from './button.tsx'
import { ConnectionBanner } from './connection-banner.tsx'
import { Note } from './states.tsx'
import { Toasts, tell } from './toast.tsx'

/** What stands around every page of somebody who is signed in: the places that their role sees, at
 * the bottom of a phone and at the side of a wide screen. */
export const Shell = ({ children }: { readonly children: ComponentChildren }) => (
  <div class="shell">
    <a class="skip" href="#main">
      Skip to the content
    </a>
    <header class="bar">
      <a class="brand" href="/console">
        Secure Lock
      </a>
      <p class="who">
        <span>{me.value?.username}</span>
        <Button kind="quiet" onClick={() => void leave()}>
          Sign out
        </Button>
      </p>
    </header>
    <nav class="places" aria-label="Console">
      <ul>
        {placesOf(role.value).map((place) => (
          <li key={place.path}>
            <PlaceLink {...place} />
          </li>
        ))}
      </ul>
    </nav>
    <main id="main" tabIndex={-1}>
      <ConnectionBanner />
      {isHeldBack.value && (
        <Note kind="warning">
          Your role needs a second factor. <a href="/console/myself">Set one up under Myself</a>;
          until then this account may do what a member may.{' '}
          <a href="/manual/second-factor">More in the manual</a>.
        </Note>
      )}
      {children}
      <ManualLink />
    </main>
    <Toasts />
  </div>
)

const leave = (): Promise<void> => signOut().catch((error: unknown) => tell(wordsOf(error)))

const PlaceLink = ({ path, label, icon }: Place) => {
  const { path: current } = useLocation()
  // A member begins at their openings.
  const here = current === '/console' && role.value === 'member' ? '/console/log' : current
  const isHere = path === '/console' ? here === path : here.startsWith(path)
  return (
    <a href={path} aria-current={isHere ? 'page' : undefined}>
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path d={icon} />
      </svg>
      {label}
    </a>
  )
}

/** What stands around a page for somebody who is not signed in. */
export const Doorstep = ({ children }: { readonly children: ComponentChildren }) => (
  <div class="doorstep">
    <main id="main">
      <ConnectionBanner />
      {children}
      <ManualLink />
    </main>
    <Toasts />
  </div>
)

const ManualLink = () => (
  <footer class="links">
    <a href="/manual">Manual</a>
  </footer>
)

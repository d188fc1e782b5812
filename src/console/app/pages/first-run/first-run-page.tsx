import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { useLocation } from 'preact-iso/router'
import { api } from '../../api/client.ts'
import { type FirstRunStep, gateway, me, role, settings } from '../../api/session.ts'
import { Action } from '../../components/form/action.tsx'
import { Button } from '../../components/form/button.tsx'
import { Screen } from '../../components/layout/screen.tsx'
import { unlockAddress } from '../../routing/log-filter.ts'
import { registrationLabel } from '../security/registration-choice.tsx'
import { CreateOwner } from './create-owner.tsx'
import { ChooseRegistration, ConnectPhone, TryOpening } from './steps.tsx'

export const FIRST_RUN = '/console/first-run'

type StepName = 'owner' | Exclude<FirstRunStep, 'done'>

const STEPS: readonly StepName[] = ['owner', 'registration', 'phone', 'opening']

const TITLES: Readonly<Record<StepName, string>> = {
  owner: 'Create the owner',
  registration: 'Who may register?',
  phone: 'Connect the phone app',
  opening: 'Try an opening',
}

/** The first run, step by step on one page. The gateway stores the current step, so that the owner can
 * continue at any time, on any device. */
export const FirstRunPage = ({ code }: { readonly code: string }) => {
  const { path, route } = useLocation()
  const [reached, setReached] = useState<FirstRunStep>(whereItStopped)
  const [opening, setOpening] = useState('')
  const isOther = me.value !== undefined && role.value !== 'owner'
  useEffect(() => {
    if (isOther) route('/console', true)
    else if (path !== FIRST_RUN) route(FIRST_RUN, true)
  }, [isOther])
  const current = me.value ? reached : 'owner'
  const goOn = async (next: FirstRunStep): Promise<void> => {
    if (settings.value?.first_run !== 'done')
      settings.value = await api.patch('/v1/settings', { first_run: next })
    setReached(next)
  }
  const skip = async (): Promise<void> => {
    await goOn('done')
    route('/console')
  }
  const bodies: Readonly<Record<StepName, ComponentChildren>> = {
    owner: <CreateOwner code={code} />,
    registration: <ChooseRegistration onDone={() => goOn('phone')} />,
    phone: <ConnectPhone onDone={() => goOn('opening')} />,
    opening: (
      <TryOpening
        onRecorded={async (id) => {
          setOpening(id)
          await goOn('done')
        }}
      />
    ),
  }
  return (
    <Screen
      title={current === 'done' ? 'All set' : 'Set up this gateway'}
      lead={
        current === 'done'
          ? 'Next, invite the people who live here.'
          : 'Four short steps. If you leave, you can continue later where you stopped.'
      }
    >
      <ol class="steps">
        {STEPS.map((name, index) => {
          const place = placeOf(name, current)
          return (
            <Step key={name} title={TITLES[name]} number={index + 1} place={place}>
              {place === 'current' && bodies[name]}
              {place === 'done' && <Outcome name={name} opening={opening} />}
            </Step>
          )
        })}
      </ol>
      {current === 'done' && (
        <p class="actions">
          <Button kind="main" onClick={() => route('/console')}>
            Open the console
          </Button>
          <Button onClick={() => route('/console/invitations')}>Invite people</Button>
        </p>
      )}
      {current !== 'done' && current !== 'owner' && (
        <Action kind="quiet" onAct={skip}>
          Skip the rest
        </Action>
      )}
    </Screen>
  )
}

/** For an owner who opens the first run again, that is the first step that can be changed. */
const whereItStopped = (): FirstRunStep => {
  const stored = settings.value?.first_run
  return stored === undefined || stored === 'done' ? 'registration' : stored
}

type Place = 'done' | 'current' | 'next'

const placeOf = (name: StepName, current: StepName | 'done'): Place => {
  if (name === current) return 'current'
  return current === 'done' || STEPS.indexOf(name) < STEPS.indexOf(current) ? 'done' : 'next'
}

type OutcomeProps = { readonly name: StepName; readonly opening: string }

/** The state of a step. */
const Outcome = ({ name, opening }: OutcomeProps) => {
  const { registration } = settings.value ?? {}
  switch (name) {
    case 'owner':
      return <p>You are {me.value?.username}, the owner.</p>
    case 'registration':
      return <p>{registration && registrationLabel(registration.value)}.</p>
    case 'phone':
      return (
        <p>
          <code>{gateway.value?.address}</code>
        </p>
      )
    case 'opening':
      return (
        <p>
          It is in the log: <a href={unlockAddress(opening)}>your opening, with its receipt</a>.
        </p>
      )
    default:
      return name satisfies never
  }
}

type StepProps = {
  readonly title: string
  readonly number: number
  readonly place: Place
  readonly children: ComponentChildren
}

/** A step, whose heading gets the focus when its turn comes. */
const Step = ({ title, number, place, children }: StepProps) => {
  const heading = useRef<HTMLHeadingElement>(null)
  const before = useRef(place)
  useEffect(() => {
    if (place === 'current' && before.current === 'next') heading.current?.focus()
    before.current = place
  }, [place])
  return (
    <li class={place} aria-current={place === 'current' ? 'step' : undefined}>
      <h2 ref={heading} tabIndex={-1}>
        <span class="number" aria-hidden="true">
          {place === 'done' ? '✓' : number}
        </span>
        {title}
        {place === 'done' && <span class="unseen"> (done)</span>}
      </h2>
      {children}
    </li>
  )
}

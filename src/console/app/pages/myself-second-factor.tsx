import type { Static } from '@sinclair/typebox'
import { useRef, useState } from 'preact/hooks'
import type { SecondFactorAnswer } from '../../../accounts/second-factor/schema.ts'
import { api } from '../api.ts'
import { Button } from '../components/button.tsx'
import { RecoveryCodes } from '../components/recovery-codes.tsx'
import { Section } from '../components/section.tsx'
import { Note } from '../components/states.tsx'
import { tell } from '../components/toast.tsx'
import { WhenLoaded } from '../components/when-loaded.tsx'
import { useLoad } from '../load.ts'
import { counted } from '../words.ts'
import { me, readPerson } from '../session.ts'
import { Enrolment } from './myself-enrolment.tsx'
import { ProvenAct } from './myself-proof.tsx'

type State = Static<typeof SecondFactorAnswer>

/** A second factor of one's own: setting it up, its recovery codes, turning it off. */
export const SecondFactor = () => {
  const loaded = useLoad('second factor', (signal) =>
    api.get<State>('/v1/me/second-factor', { signal }),
  )
  const [codes, setCodes] = useState<readonly string[]>()
  const heading = useRef<HTMLHeadingElement>(null)
  const change = async (): Promise<void> => {
    loaded.reload()
    await readPerson()
  }
  const keep = async (made: readonly string[]): Promise<void> => {
    setCodes(made)
    await change()
  }
  const backToHeading = (): void => heading.current?.focus()
  return (
    <Section
      title="Second factor"
      lead="A code from an app on your phone, asked for after the password: a password that leaks is not enough then."
      heading={heading}
    >
      {codes ? (
        <RecoveryCodes
          codes={codes}
          username={me.value?.username ?? ''}
          onKept={() => {
            setCodes(undefined)
            backToHeading()
          }}
        />
      ) : (
        <WhenLoaded what="the second factor" loaded={loaded}>
          {(state) =>
            state.is_on ? (
              <IsOn
                state={state}
                onCodes={keep}
                onOff={() => {
                  tell('The second factor is off.')
                  backToHeading()
                  void change()
                }}
              />
            ) : (
              <Enrolment onCodes={keep} />
            )
          }
        </WhenLoaded>
      )}
    </Section>
  )
}

type Props = {
  readonly state: State
  readonly onCodes: (codes: readonly string[]) => Promise<void>
  readonly onOff: () => void
}

const FEW_CODES = 3

const IsOn = ({ state, onCodes, onOff }: Props) => {
  const [asked, setAsked] = useState<'codes' | 'off'>()
  const made = useRef<readonly string[]>([])
  const isNeeded = state.is_required && me.value?.role !== 'member'
  return (
    <>
      <p>
        <span class="badge">on</span> {counted(state.recovery_codes, 'recovery code')} left, for
        when the phone is not at hand.
      </p>
      {state.recovery_codes <= FEW_CODES && (
        <Note kind="warning">Few recovery codes are left. Make new ones.</Note>
      )}
      <div class="actions">
        <Button onClick={() => setAsked('codes')}>New recovery codes</Button>
        <Button onClick={() => setAsked('off')}>Turn it off</Button>
      </div>
      <ProvenAct
        title="New recovery codes?"
        action="Make new codes"
        isOpen={asked === 'codes'}
        onClose={() => setAsked(undefined)}
        onProven={async (proof) => {
          const answer = await api.post<Codes>('/v1/me/recovery-codes', proof)
          made.current = answer.recovery_codes
        }}
        onDone={() => void onCodes(made.current)}
      >
        <p>The old ones are void from then on.</p>
      </ProvenAct>
      <ProvenAct
        title="Turn the second factor off?"
        action="Turn it off"
        isDangerous
        isOpen={asked === 'off'}
        onClose={() => setAsked(undefined)}
        onProven={(proof) => api.delete('/v1/me/second-factor', proof)}
        onDone={onOff}
      >
        <p>
          The password alone signs you in then, and the recovery codes are void.
          {isNeeded &&
            ' At this door you may then do no more than a member, until you have one again.'}
        </p>
      </ProvenAct>
    </>
  )
}

type Codes = { readonly recovery_codes: readonly string[] }

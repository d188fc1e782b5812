import type { Static } from '@sinclair/typebox'
import { useRef, useState } from 'preact/hooks'
import type { SecondFactorAnswer } from '../../../../accounts/second-factor/schema.ts'
import { api } from '../../api/client.ts'
import { Button } from '../../components/form/button.tsx'
import { RecoveryCodes } from '../../components/codes/recovery-codes.tsx'
import { Section } from '../../components/layout/section.tsx'
import { Note } from '../../components/feedback/states.tsx'
import { showToast } from '../../components/feedback/toast.tsx'
import { WhenLoaded } from '../../components/feedback/when-loaded.tsx'
import { useLoad } from '../../api/load.ts'
import { counted } from '../../words/format.ts'
import { me, reloadMe } from '../../api/session.ts'
import { Enrolment } from './enrolment.tsx'
import { ConfirmIdentity } from './confirm-identity.tsx'

type State = Static<typeof SecondFactorAnswer>

/** Sets up your second factor, renews its recovery codes, and turns it off. */
export const SecondFactor = () => {
  const loaded = useLoad('second factor', (signal) =>
    api.get<State>('/v1/me/second-factor', { signal }),
  )
  const [codes, setCodes] = useState<readonly string[]>()
  const heading = useRef<HTMLHeadingElement>(null)
  const change = async (): Promise<void> => {
    loaded.reload()
    await reloadMe()
  }
  const show = async (created: readonly string[]): Promise<void> => {
    setCodes(created)
    await change()
  }
  const backToHeading = (): void => heading.current?.focus()
  return (
    <Section
      title="Second factor"
      lead="A code from an app on your phone, in addition to your password. A stolen password is then not enough."
      heading={heading}
    >
      {codes ? (
        <RecoveryCodes
          codes={codes}
          username={me.value?.username ?? ''}
          onDone={() => {
            setCodes(undefined)
            backToHeading()
          }}
        />
      ) : (
        <WhenLoaded what="second factor" loaded={loaded}>
          {(state) =>
            state.is_on ? (
              <IsOn
                state={state}
                onCodes={show}
                onOff={() => {
                  showToast('Second factor turned off.')
                  backToHeading()
                  void change()
                }}
              />
            ) : (
              <Enrolment onCodes={show} />
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
  const created = useRef<readonly string[]>([])
  const isNeeded = state.is_required && me.value?.role !== 'member'
  return (
    <>
      <p>
        <span class="badge">on</span> {counted(state.recovery_codes, 'recovery code')} left, for
        when you do not have your phone.
      </p>
      {state.recovery_codes <= FEW_CODES && (
        <Note kind="warning">You have few recovery codes left. Create new ones.</Note>
      )}
      <div class="actions">
        <Button onClick={() => setAsked('codes')}>New recovery codes</Button>
        <Button onClick={() => setAsked('off')}>Turn off</Button>
      </div>
      <ConfirmIdentity
        title="New recovery codes?"
        action="Create new codes"
        isOpen={asked === 'codes'}
        onClose={() => setAsked(undefined)}
        onConfirmed={async (proof) => {
          const answer = await api.post<Codes>('/v1/me/recovery-codes', proof)
          created.current = answer.recovery_codes
        }}
        onDone={() => void onCodes(created.current)}
      >
        <p>The old ones stop working.</p>
      </ConfirmIdentity>
      <ConfirmIdentity
        title="Turn off the second factor?"
        action="Turn off"
        isDangerous
        isOpen={asked === 'off'}
        onClose={() => setAsked(undefined)}
        onConfirmed={(proof) => api.delete('/v1/me/second-factor', proof)}
        onDone={onOff}
      >
        <p>
          Your password alone will be enough to log in, and your recovery codes stop working.
          {isNeeded && ' Until you set one up again, you only have the rights of a member.'}
        </p>
      </ConfirmIdentity>
    </>
  )
}

type Codes = { readonly recovery_codes: readonly string[] }

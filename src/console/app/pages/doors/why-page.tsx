import { useLocation, useRoute } from 'preact-iso/router'
import { type ExplainedGrant, type Explanation, explain, loadDoors } from '../../api/doors.ts'
import { ROLE_NAMES, whyWords } from '../../../../domain/text/grant-words.ts'
import { useLoad } from '../../api/load.ts'
import { me, role } from '../../api/session.ts'
import { Occurs } from '../../components/door/occurs.tsx'
import { WhenLoaded } from '../../components/feedback/when-loaded.tsx'
import { Screen } from '../../components/layout/screen.tsx'
import { Section } from '../../components/layout/section.tsx'
import { doorAddress, grantAddress } from '../../routing/doors.ts'
import { isAtLeast } from '../../routing/sections.ts'
import { Time } from '../../time/time.tsx'
import { doorName, theDoor } from '../../words/door-name.ts'
import { capital } from '../../words/capital.ts'
import { useHolders } from '../../api/holders.ts'
import { WhatIf } from './what-if.tsx'

/** Why somebody may open a door at a time, or may not: every grant, and the check that stops it. */
export const WhyPage = () => {
  const { label = '' } = useRoute().params
  const { query } = useLocation()
  const holder = query['holder'] || `account:${me.value?.id ?? ''}`
  const at = isTime(query['at']) ? query['at'] : ''
  useLoad('doors', loadDoors)
  const isAdmin = isAtLeast(role.value, 'admin')
  const holders = useHolders(isAdmin)
  const loaded = useLoad(`why ${label} ${holder} ${at}`, (signal) =>
    explain(label, { holder, at }, signal),
  )
  const isMe = holder === `account:${me.value?.id}`
  const name = isMe ? 'you' : holders.nameOf(holder)
  return (
    <Screen
      title={`May ${name} open ${theDoor(label)}?`}
      lead={
        <a href={doorAddress(label)}>
          <span aria-hidden="true">← </span>
          {capital(doorName(label))}
        </a>
      }
    >
      <WhenLoaded what="explanation" loaded={loaded}>
        {(explanation) => (
          <Answer explanation={explanation} at={at} name={name} isAdmin={isAdmin} />
        )}
      </WhenLoaded>
      {isAdmin && (
        <WhatIf key={`${holder} ${at}`} label={label} holder={holder} at={at} holders={holders} />
      )}
    </Screen>
  )
}

const isTime = (text = ''): text is string => !Number.isNaN(Date.parse(text))

type AnswerProps = {
  readonly explanation: Explanation
  readonly at: string
  readonly name: string
  readonly isAdmin: boolean
}

const Answer = ({ explanation, at, name, isAdmin }: AnswerProps) => {
  const { decision, reason, next_at: nextAt, grants } = explanation
  const isPermitted = decision === 'permitted'
  return (
    <>
      <div class={`sheet verdict ${isPermitted ? '' : 'other'}`} role="status">
        <h2>{isPermitted ? 'Yes' : 'No'}</h2>
        {reason && <p>{whyWords(reason)}</p>}
        {nextAt !== null && (
          <p>
            It opens next <Time at={nextAt} format="coming" />.
          </p>
        )}
        <p class="quiet">
          {at === '' ? 'Now' : <Time at={at} format="exact" />}, by the rules as they are today.
        </p>
      </div>
      <Section title="Every rule for this door">
        {grants.length === 0 ? (
          <p class="quiet">There is none for {name}.</p>
        ) : (
          <ul class="list" aria-label="Every rule for this door">
            {grants.map((grant) => (
              <li key={grant.id} class="row grant">
                <Check grant={grant} isAdmin={isAdmin} />
              </li>
            ))}
          </ul>
        )}
      </Section>
    </>
  )
}

type CheckProps = { readonly grant: ExplainedGrant; readonly isAdmin: boolean }

const Check = ({ grant, isAdmin }: CheckProps) => (
  <>
    <p class="words">
      {isAdmin ? <a href={grantAddress(grant.id)}>{sentenceOf(grant)}</a> : sentenceOf(grant)}
    </p>
    <p class={grant.decision === 'permitted' ? 'check passed' : 'check'}>
      {grant.reason === null ? 'This rule opens the door.' : whyWords(grant.reason)}
    </p>
    <Occurs occurs={grant.occurs} />
  </>
)

const sentenceOf = ({ role: holder, words }: ExplainedGrant): string =>
  `${holder === null ? 'By name' : ROLE_NAMES[holder]} · ${words}`

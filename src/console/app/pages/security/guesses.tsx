import { loadFindings } from '../../api/findings.ts'
import { useLoad } from '../../api/load.ts'
import { FindingItem } from '../../components/list/finding-item.tsx'
import { Section } from '../../components/layout/section.tsx'

/** Whose password somebody guessed at in the last days. Shows nothing if nobody did. */
export const Guesses = () => {
  const { data = [], reload } = useLoad('findings', loadFindings)
  const guesses = data.filter(({ check, state }) => check === 'logins' && state !== 'ok')
  return (
    guesses.length > 0 && (
      <Section
        title="Guessed passwords"
        lead="Attempts in the last 7 days, until a lockout stopped them."
      >
        <ul class="findings" aria-label="Guessed passwords">
          {guesses.map((finding) => (
            <FindingItem key={finding.says} finding={finding} onChange={reload} />
          ))}
        </ul>
      </Section>
    )
  )
}

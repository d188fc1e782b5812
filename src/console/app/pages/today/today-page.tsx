import { useRecentUnlocks } from '../../api/recent-unlocks.ts'
import { useRefreshSignal } from '../../api/refresh.ts'
import { Screen } from '../../components/layout/screen.tsx'
import { WaitingList } from '../../components/list/waiting-list.tsx'
import { Charts } from './charts.tsx'
import { Health } from './health.tsx'
import { LOADED_MAX, LatestUnlock, LatestUnlocks } from './latest-unlocks.tsx'

/** Whether somebody wants in, whether everything is well, who unlocked the door last, and how often it is unlocked. */
export const TodayPage = () => {
  const recent = useRecentUnlocks(LOADED_MAX)
  const refresh = useRefreshSignal(recent.unlocks && (recent.unlocks[0]?.seq ?? -1))
  return (
    <Screen title="Today">
      <LatestUnlock recent={recent} />
      <WaitingList />
      <Health refresh={refresh} newest={recent.unlocks?.[0]} />
      <LatestUnlocks recent={recent} />
      <Charts refresh={refresh} />
    </Screen>
  )
}
